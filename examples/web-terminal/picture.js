/**
 * Draws docs/web-terminal.svg: what a tab shows in Chromium after its server was killed twice while a program printed.
 * Needs chromium on PATH.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { list } from 'outlive';
import { startBrowser } from './browser.js';

const FILE = join(import.meta.dirname, '../../docs/web-terminal.svg');
const [COLUMN, ROW] = [8.4, 18]; // px, of a monospaced font of 14 px
/** xterm.js's first eight colours. */
const COLOURS = ['#2e3436', '#cc0000', '#4e9a06', '#c4a000', '#3465a4', '#75507b', '#06989a', '#d3d7cf'];

const SESSION = [
  'echo "This shell has the pid $$."',
  '# While this loop runs, the server of this page is killed twice:',
  'for i in 1 2 3 4 5 6 7; do printf "\\033[3${i}mline $i\\033[0m\\n"; sleep 0.5; done',
  'echo "It is still $$, and no line is lost."',
];

/** The text of a row in pieces of one colour. @typedef {{ text: string, colour: number, column: number }} Piece */

/** Runs in the page. */
const PIECES = `(() => {
  const { active } = terminal.buffer;
  const rows = [];
  for (let y = active.viewportY; y < active.viewportY + terminal.rows; y++) {
    const pieces = [];
    for (let column = 0; column < terminal.cols; column++) {
      const cell = active.getLine(y)?.getCell(column);
      const colour = cell?.isFgPalette() ? cell.getFgColor() : 7;
      if (pieces.at(-1)?.colour !== colour) pieces.push({ text: '', colour, column });
      pieces.at(-1).text += cell?.getChars() || ' ';
    }
    rows.push(pieces);
  }
  return rows;
})()`;
/** The last row that is not empty. */
const LAST = `${PIECES}.map((pieces) => pieces.map(({ text }) => text).join('').trim()).findLast((row) => row !== '')`;

/** @param {Piece[][]} rows */
function draw(rows) {
  const width = Math.max(...rows.flat().map(({ column, text }) => column + text.trimEnd().length)) * COLUMN + 24;
  const used = rows.findLastIndex((pieces) => pieces.some(({ text }) => text.trim() !== '')) + 1;
  const height = used * ROW + 24;
  const texts = rows.flatMap((pieces, y) =>
    pieces
      .filter(({ text }) => text.trim() !== '')
      .map(({ text, colour, column }) => {
        const place = `x="${(12 + column * COLUMN).toFixed(1)}" y="${24 + y * ROW}" fill="${COLOURS[colour % 8]}"`;
        return `  <text ${place}>${escape(text.trimEnd())}</text>`;
      }),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width.toFixed(0)} ${height}" width="${width.toFixed(0)}" height="${height}">`,
    '  <!-- Written by `npm run example:web-terminal:picture` from the screen of xterm.js in Chromium. -->',
    '  <style>text { font: 14px monospace; white-space: pre }</style>',
    '  <rect width="100%" height="100%" rx="6" fill="#000" />',
    ...texts,
    '</svg>\n',
  ].join('\n');
}

function escape(/** @type {string} */ text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

const dir = mkdtempSync(join(tmpdir(), 'outlive-picture-'));
const settings = { OUTLIVE_ROOT: join(dir, 'state'), PORT: '8023', SHELL: 'sh', ENV: '', PS1: '$ ' };
const server = spawn(process.execPath, [join(import.meta.dirname, 'start.js')], {
  env: { ...process.env, ...settings },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const browser = await startBrowser(dir);
try {
  await once(createInterface({ input: server.stdout }), 'line');
  const tab = await browser.newPage({ viewport: { width: 820, height: 400 } });
  const shows = (/** @type {string} */ row) => tab.waitForFunction(`${LAST} === '${row}'`);
  await tab.goto('http://127.0.0.1:8023');
  for (const line of SESSION) {
    await shows('$');
    await tab.keyboard.type(`${line}\n`);
    if (!line.startsWith('for')) continue;
    for (const row of ['line 2', 'line 5']) {
      await shows(row);
      await tab.click('#kill');
    }
  }
  await shows('$');
  writeFileSync(FILE, draw(await tab.evaluate(PIECES)));
  console.log(FILE);
} finally {
  await browser.close();
  server.kill('SIGKILL');
  for (const shell of await list({}, { root: settings.OUTLIVE_ROOT })) await shell.remove({ force: true });
  rmSync(dir, { recursive: true });
}
