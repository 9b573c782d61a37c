import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect } from 'vitest';
import WebSocket from 'ws';
import { freePort } from '../../test/support/ports.js';
import { want } from '../../test/support/strict.js';
import { until } from '../../test/support/until.js';
import { type Program, type Scene, test } from '../scene.js';
import { findChromium, startBrowser } from './browser.js';

const START = join(import.meta.dirname, 'start.js');

async function startServer(scene: Scene): Promise<{ program: Program; url: string }> {
  const port = await freePort();
  const env = { PORT: String(port), OUTLIVE_ROOT: scene.root(), SHELL: 'sh', ENV: '', PS1: '$ ' };
  const program = scene.start(START, [], env);
  const url = `http://127.0.0.1:${port}`;
  await until('the server listens', () => program.printed().includes(url));
  return { program, url };
}

/** The lines of a tab's terminal, those that have scrolled away included. Evaluated in the tab. */
const LINES = `(() => {
  const { active } = terminal.buffer;
  const lines = Array.from({ length: active.length }, (_, y) => active.getLine(y).translateToString(true));
  return lines.filter((line) => line !== '');
})()`;

async function linesOf(tab: Page): Promise<string[]> {
  return tab.evaluate<string[]>(LINES);
}

/** Rows and columns of a tab's terminal, as stty(1) prints them. */
async function sizeOf(tab: Page): Promise<string> {
  return tab.evaluate<string>('`${terminal.rows} ${terminal.cols}`');
}

async function shows(tab: Page, line: string): Promise<void> {
  await tab.waitForFunction(`${LINES}.includes(${JSON.stringify(line)})`, undefined, { polling: 50 });
}

async function type(tab: Page, line: string): Promise<void> {
  await tab.keyboard.type(`${line}\n`);
}

describe.runIf(want('chromium (Debian: chromium)', findChromium() !== undefined))('web-terminal', () => {
  test('several tabs have one shell, and lose no byte when the server is killed', async ({ scene }) => {
    const { program, url } = await startServer(scene);
    const browser = await startBrowser(scene.dir);
    scene.atEnd(() => browser.close());
    const tabs = [await browser.newPage(), await browser.newPage()] as const;
    for (const tab of tabs) await tab.goto(url);
    const [first, second] = tabs;

    // One after the other: the shell reads what comes in between two keys of the same line, too.
    await type(first, 'echo from the first $((6 * 7))');
    for (const tab of tabs) await shows(tab, 'from the first 42');
    await type(second, 'echo from the second $((6 * 8))');
    for (const tab of tabs) await shows(tab, 'from the second 48');

    const former = await sizeOf(first);
    await second.setViewportSize({ width: 700, height: 500 });
    const size = await until('both have the new size of the second', async () => {
      const [one, other] = await Promise.all(tabs.map(sizeOf));
      return one === other && one !== former ? one : undefined;
    });
    await type(first, 'echo "size $(stty size)"');
    for (const tab of tabs) await shows(tab, `size ${size}`);

    await type(
      first,
      'i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo "line $i"; [ $((i % 20)) = 0 ] && sleep 0.03; done',
    );
    for (const [kills, line] of ['line 500', 'line 1200', 'line 2000'].entries()) {
      await shows(first, line);
      await first.click('#kill');
      await until('there is a new server', () => program.printed().split('A new server').length === kills + 2);
    }
    const numbers = Array.from({ length: 3000 }, (_, index) => `line ${index + 1}`);
    for (const tab of tabs) {
      await shows(tab, 'line 3000');
      expect((await linesOf(tab)).filter((line) => /line \d+$/.test(line))).toEqual(numbers);
    }
    expect(await linesOf(second)).toEqual(await linesOf(first));

    await second.click('#kill');
    await until('the server is gone', async () => (await second.textContent('#state'))?.startsWith('no server'));
    await type(second, 'echo typed without a server: $((6 * 9))');
    for (const tab of tabs) await shows(tab, 'typed without a server: 54');

    const late = await browser.newPage();
    await late.goto(url);
    await shows(late, 'line 3000');

    const picture = join(scene.dir, 'picture.png');
    await first.screenshot({ path: picture });
    expect(readFileSync(picture).length).toBeGreaterThan(1000);

    const ended = once(program.child, 'exit');
    await type(late, 'exit');
    for (const tab of [...tabs, late]) {
      await until('the tab says so', async () => (await tab.textContent('#state')) === 'the shell has ended');
    }
    expect(await ended).toEqual([0, null]);
  });

  test('another site can neither read the page nor type into the shell', async ({ scene }) => {
    const { url } = await startServer(scene);
    const socket = new WebSocket(url.replace('http', 'ws'), { origin: 'http://example.com' });
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toContain('401');
    const answer = await fetch(`${url}/kill`, { method: 'POST', headers: { origin: 'http://example.com' } });
    expect(answer.status).toBe(403);
  });
});
