/** `outlive ps`: the jobs of a state root. */
import type { Command } from 'commander';
import type { Container, ContainerDescription, LoadFailure, ProcessDescription } from '../index.js';
import { UsageError, codeOf, tellFailure } from './failure.js';
import { printJson, printLines, printTable } from './output.js';
import { noRoot, rootOf } from './target.js';
import { spanText } from './units.js';

const STATES = ['created', 'running', 'paused', 'stopped'];

interface PsOptions {
  all?: true;
  quiet?: true;
  labels?: true;
  json?: true;
  filter: Filter;
}

interface Filter {
  /** `name`, or `name=value`. */
  readonly labels: readonly string[];
  /** Any of these; none: any. */
  readonly states: readonly string[];
}

/** A row of the table, and of `--json`. */
interface Job {
  id: string;
  state: string;
  /** On the host; null if it does not run. */
  pid: number | null;
  exitCode: number | null;
  signal: string | null;
  lost: string | null;
  startedAt: string | null;
  endedAt: string | null;
  args: readonly string[];
  labels: Record<string, string>;
}

export function addPs(program: Command): void {
  program
    .command('ps')
    .summary('list jobs')
    .description('Lists the jobs that run; with --all also those that ended.')
    .option('-a, --all', 'also jobs that ended')
    .option('-q, --quiet', 'only their ids')
    .option('-l, --labels', 'also their labels')
    .option('--json', 'as JSON, with all fields')
    .option(
      '--filter <what>',
      'only those with state=<state> (created, running, paused, stopped) or label=<name>[=<value>]; may be repeated',
      addFilter,
      { labels: [], states: [] },
    )
    .addHelpText(
      'after',
      `
Examples:
  outlive ps -a
  outlive ps --filter label=team=web --filter state=running
  outlive ps -q --filter state=stopped | xargs -r outlive rm`,
    )
    .action(async (options: PsOptions, command: Command) => {
      await listJobs(await rootOf(command), options);
    });
}

/** Reads one `--filter`, and adds it to those before it. */
function addFilter(text: string, { labels, states }: Filter): Filter {
  const [, kind, value = ''] = /^(label|state)=(.+)$/s.exec(text) ?? [];
  if (kind === 'label') return { labels: [...labels, value], states };
  if (kind === 'state' && STATES.includes(value)) return { labels, states: [...states, value] };
  throw new UsageError(`--filter ${text}: must be label=<name>[=<value>] or state=<${STATES.join('|')}>`);
}

async function listJobs(root: string, options: PsOptions): Promise<void> {
  const { jobs, failures } = await loadJobs(root);
  const { states, labels } = options.filter;
  const isShown = ({ state }: Job): boolean =>
    states.length > 0 ? states.includes(state) : options.all === true || state !== 'stopped';
  const shown = jobs.filter((job) => isShown(job) && labels.every((label) => hasLabel(job.labels, label)));
  if (options.json === true) printJson(shown);
  else if (options.quiet === true) printLines(shown.map(({ id }) => id));
  else printJobs(shown, options.labels === true);
  for (const { id, error } of failures) tellFailure(error, id);
}

/** The jobs of a root, by their ids: those of `run` by time; and why the others can't be read. */
async function loadJobs(root: string): Promise<{ jobs: Job[]; failures: LoadFailure[] }> {
  const { Container } = await import('../index.js');
  const { containers, failures } = await Container.loadAll(root).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return { containers: [], failures: [{ id: root, error: noRoot(root) }] };
    throw error;
  });
  const jobs = containers.flatMap((container) => {
    try {
      return [describe(container)];
    } catch (error) {
      // Another program removes it just now: it is no job any more.
      if (codeOf(error) !== 'ENOENT') failures.push({ id: container.id, error: error as Error });
      return [];
    } finally {
      container.close();
    }
  });
  return { jobs: jobs.sort((a, b) => (a.id < b.id ? -1 : 1)), failures };
}

function describe(container: Container): Job {
  const all: ContainerDescription = container.inspect();
  const init: ProcessDescription | undefined = all.processes.find(({ id }) => id === 'init');
  const { record, status = null, lost = null } = init?.exit ?? {};
  return {
    id: all.id,
    state: all.state,
    pid: all.state === 'stopped' || init === undefined ? null : init.pid,
    exitCode: record === undefined ? status : record.code,
    signal: record?.signal ?? null,
    lost,
    startedAt: init?.startedAt ?? null,
    endedAt: init?.endedAt ?? null,
    args: init?.args ?? [],
    labels: labelsOf([...all.labels, ...(init?.labels ?? [])]),
  };
}

/** From `name=value` each; a label of another program may have no value. */
function labelsOf(labels: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    labels.map((label) => {
      const at = label.indexOf('=');
      return at < 0 ? [label, ''] : [label.slice(0, at), label.slice(at + 1)];
    }),
  );
}

function hasLabel(labels: Record<string, string>, wanted: string): boolean {
  const at = wanted.indexOf('=');
  return at < 0 ? Object.hasOwn(labels, wanted) : labels[wanted.slice(0, at)] === wanted.slice(at + 1);
}

function printJobs(jobs: readonly Job[], withLabels: boolean): void {
  const now = Date.now();
  printTable(
    ['ID', 'STATE', 'PID', 'STARTED', 'COMMAND', ...(withLabels ? ['LABELS'] : [])],
    jobs.map((job) => [
      job.id,
      stateText(job),
      String(job.pid ?? '-'),
      job.startedAt === null ? '-' : `${spanText(now - Date.parse(job.startedAt))} ago`,
      job.args.join(' '),
      ...(withLabels
        ? [
            Object.entries(job.labels)
              .map((label) => label.join('='))
              .join(' '),
          ]
        : []),
    ]),
  );
}

/** `running`, `exited 3`, `killed SIGKILL`, `lost`, `never started`. */
function stateText({ state, exitCode, signal, lost, startedAt }: Job): string {
  if (state !== 'stopped') return state;
  if (signal !== null) return `killed ${signal}`;
  if (exitCode !== null) return `exited ${exitCode}`;
  return lost === null && startedAt === null ? 'never started' : 'lost';
}
