/** Looks at the native files, and asks the runtimes for their versions. */
import { within } from '../base/promises.js';
import { hasCode, messageOf } from '../base/errors.js';
import { askProgram } from '../disk/ask.js';
import { findProgram } from '../disk/programs.js';
import * as posix from '../posix/index.js';
import { nativeDirectory, nativeExecutable } from '../posix/load.js';
import type { Found } from './finding.js';

const MAX_ANSWER_BYTES = 4096;

export function nativeFinding(): Found {
  try {
    const { path, isPrebuilt } = nativeDirectory();
    // Any call: the addon is loaded at the first.
    posix.getChildSubreaper();
    nativeExecutable('outlive-shim');
    nativeExecutable('outlive-host');
    return { level: 'ok', found: `${isPrebuilt ? 'prebuilt' : 'built from source'}, in ${path}` };
  } catch (error) {
    return { level: 'error', found: messageOf(error), advice: 'see docs/install.md, "ERR_NATIVE_LOAD"' };
  }
}

/** Runs the host runtime: a seccomp filter, another processor or a broken file shows only then. */
export async function hostFinding(limitMs: number): Promise<Found> {
  let answer: string | undefined;
  let why = `outlive-host did not say its version in ${limitMs} ms`;
  try {
    answer = await ask(nativeExecutable('outlive-host'), ['--version'], limitMs);
  } catch (error) {
    why = messageOf(error);
  }
  if (answer?.startsWith('outlive-host version') === true) return { level: 'ok', found: firstLine(answer) };
  return { level: 'error', found: `no plain command can be started: ${why}`, advice: 'install the package again' };
}

export async function runtimeFinding(name: 'runc' | 'crun', limitMs: number): Promise<Found> {
  let path: string;
  try {
    path = findProgram(name);
  } catch (error) {
    if (!hasCode(error, 'ERR_NOT_INSTALLED')) throw error;
    return { level: 'ok', found: 'not installed: only containers of OCI bundles need a runtime like it' };
  }
  const answer = await ask(path, ['--version'], limitMs).catch((error: unknown) => {
    if (hasCode(error, 'ERR_NATIVE_LOAD', 'ERR_UNSUPPORTED_SYSTEM')) throw error;
    return messageOf(error);
  });
  if (answer?.includes(`${name} version`) !== true) {
    const said =
      answer === undefined ? `did not answer in ${limitMs} ms` : `answered ${JSON.stringify(firstLine(answer))}`;
    return { level: 'warning', found: `${path} ${said} when asked for its version`, advice: 'install it again' };
  }
  return { level: 'ok', found: `${firstLine(answer)}, ${path}; ${checkpointsBy(name, answer)}` };
}

/** Whether it can make checkpoints. criu is not run: its check changes what is loaded into the kernel. */
function checkpointsBy(name: 'runc' | 'crun', version: string): string {
  if (name === 'crun' && !version.includes('+CRIU')) return 'no checkpoints: it was built without criu';
  try {
    // crun has criu as a library, which runs the program too.
    findProgram('criu');
  } catch {
    return 'no checkpoints: criu is not installed';
  }
  return process.geteuid?.() === 0 ? 'checkpoints by criu' : 'checkpoints by criu need root';
}

/** As askProgram(); undefined if there is no answer in time. */
async function ask(program: string, args: readonly string[], limitMs: number): Promise<string | undefined> {
  return within(askProgram(program, args, { limitMs, maxBytes: MAX_ANSWER_BYTES }), limitMs);
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
