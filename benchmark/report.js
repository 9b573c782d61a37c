/**
 * What a run of the benchmark says: the table, the machine, JSON for programs, the table in docs/performance.md, and whether a
 * ratio has become worse than the one that recorded.json holds. Measures nothing.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { hasConmon, loadNodePty } from './peers.js';

/** @typedef {import('./world.js').Row} Row */

const PAGE = join(import.meta.dirname, '../docs/performance.md');
/** The worst ratio of several runs with `--check` on a machine that did nothing else, written by hand. */
const RECORDED = join(import.meta.dirname, 'recorded.json');
/** A ratio that is so many times worse than the recorded one is a fault. */
const TOLERANCE = 1.3;

export function machine() {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  const memory = `${(totalmem() / 1e9).toFixed(0)} GB`;
  return `${cpus().length} × ${model}, ${memory}, Linux ${release().replace(/-.*/, '')}, Node.js ${process.version}`;
}

/** The peers that are not installed. */
export function missingPeers() {
  const peers = /** @type {const} */ ([
    ['node-pty', loadNodePty() !== undefined],
    ['conmon', hasConmon],
  ]);
  return peers.filter(([, isInstalled]) => !isInstalled).map(([name]) => name);
}

export function table(/** @type {Row[]} */ rows) {
  const title = ['figure', 'ours', 'peer or floor', 'ratio', 'goal', 'met'];
  const cells = [
    title,
    ...rows.map(({ figure, ours, unit, peer, peerName, ratio, goal, met }) => [
      figure.trim(),
      `${number(ours)} ${unit}`.trim(),
      peer === undefined ? '' : `${peerName} ${number(peer)} ${unit}`.trim(),
      ratio === undefined ? '' : ratio.toFixed(2),
      goal?.trim() ?? '',
      met === undefined ? '' : met ? 'yes' : 'no',
    ]),
  ];
  const widths = title.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  const format = (/** @type {string[]} */ line) =>
    `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = cells;
  return [format(head), format(widths.map((width) => '-'.repeat(width))), ...body.map(format)].join('\n');
}

function number(/** @type {number} */ value) {
  if (value === 0 || Math.abs(value) >= 100) return value.toFixed(0);
  return value.toPrecision(3);
}

export function json(/** @type {Row[]} */ rows) {
  return JSON.stringify({ date: today(), machine: machine(), missingPeers: missingPeers(), rows }, undefined, 2);
}

/** Puts the table in the place of the one that docs/performance.md has. */
export function writePage(/** @type {Row[]} */ rows) {
  const page = readFileSync(PAGE, 'utf8');
  const [begin, end] = ['<!-- the run begins -->', '<!-- the run ends -->'];
  const [before, rest] = split(page, begin);
  const [, after] = split(rest, end);
  const missing = missingPeers();
  const left = missing.length === 0 ? '' : ` Not installed: ${missing.join(', ')}.`;
  const text = `${table(rows)}\n\n${today()}, ${machine()}.${left}`;
  writeFileSync(PAGE, `${before}${begin}\n\n${text}\n\n${end}${after}`);
}

function split(/** @type {string} */ text, /** @type {string} */ mark) {
  const at = text.indexOf(mark);
  if (at < 0) throw new Error(`${PAGE} has no line ${mark}`);
  return /** @type {const} */ ([text.slice(0, at), text.slice(at + mark.length)]);
}

function today() {
  return new Date().toISOString().slice(0, 10);
}

const nameOf = (/** @type {Row} */ { figure, peerName }) => `${figure.trim()} / ${peerName}`;

/** The recorded ratios by name: those that fail the run when they get worse. */
export function recorded() {
  return /** @type {Record<string, number>} */ (JSON.parse(readFileSync(RECORDED, 'utf8')));
}

/** The rows whose ratio is worse than the recorded one by more than the tolerance, in words. */
export function worsened(/** @type {Row[]} */ rows) {
  const ratios = recorded();
  return rows.flatMap((row) => {
    const before = ratios[nameOf(row)];
    if (before === undefined || row.ratio === undefined) return [];
    // A rate is better if it is higher; a time or a size if it is lower.
    const worse = row.unit.endsWith('/s') ? before / row.ratio : row.ratio / before;
    if (worse <= TOLERANCE) return [];
    return [`${nameOf(row)}: ${row.ratio.toFixed(2)}, recorded ${before.toFixed(2)}`];
  });
}

/** The recorded names that no row has. */
export function unwatched(/** @type {Row[]} */ rows) {
  const names = new Set(rows.map(nameOf));
  return Object.keys(recorded()).filter((name) => !names.has(name));
}
