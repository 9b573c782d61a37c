// The test executables of native/test, and how to talk to them.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export function toolPath(name: string, override: string | undefined): string {
  return override ?? fileURLToPath(new URL(`../../build/Release/${name}`, import.meta.url));
}

const jsonToolPath = toolPath('outlive-json-tool', process.env.OUTLIVE_JSON_TOOL);
export const commonToolPath = toolPath('outlive-common-tool', process.env.OUTLIVE_COMMON_TOOL);

/** What the JSON tool answered: `ok` and its text, or what was wrong. */
export interface Answer {
  ok: boolean;
  text: string;
}

/** One JSON tool process that answers many requests, in order. */
export class JsonTool {
  readonly #child: ChildProcess;
  readonly #waiting: { resolve: (answer: Answer) => void; reject: (reason: Error) => void }[] = [];
  readonly #closed: Promise<unknown>;
  #pieces: Buffer[] = [];
  #size = 0;
  #wanted = 4;

  constructor(...args: string[]) {
    this.#child = spawn(jsonToolPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#closed = once(this.#child, 'close');
    // If the tool cannot be started or crashes, the test that waits for it must fail and not hang.
    this.#closed.catch((error: unknown) => {
      this.#fail(error as Error);
    });
    this.#child.on('close', (code, signal) => {
      this.#fail(new Error(`the tool ended: ${String(code ?? signal)}`));
    });
    this.#child.stdin?.on('error', () => undefined);
    this.#child.stdout?.on('data', (bytes: Buffer) => {
      this.#deliver(bytes);
    });
  }

  ask(request: string | Uint8Array): Promise<Answer> {
    const bytes = Buffer.from(request);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    return new Promise((resolve, reject) => {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        reject(new Error('the tool has ended'));
        return;
      }
      this.#waiting.push({ resolve, reject });
      this.#child.stdin?.write(Buffer.concat([length, bytes]));
    });
  }

  /** Ends the tool; resolves to its exit code once it is gone. */
  async close(): Promise<number | null> {
    this.#child.stdin?.end();
    await this.#closed;
    return this.#child.exitCode;
  }

  /** Takes what arrived; the pieces of a long answer are joined once, when the last is there. */
  #deliver(bytes: Buffer): void {
    this.#pieces.push(bytes);
    this.#size += bytes.length;
    if (this.#size < this.#wanted) return;
    let received = Buffer.concat(this.#pieces);
    for (;;) {
      const end = received.length < 4 ? 4 : 4 + received.readUInt32LE();
      this.#wanted = end;
      if (received.length < end) break;
      const answer = received.toString('utf8', 4, end);
      received = received.subarray(end);
      this.#waiting.shift()?.resolve({ ok: answer.startsWith('+'), text: answer.slice(1) });
    }
    this.#pieces = [received];
    this.#size = received.length;
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

/** Runs one command of the common tool and returns what it printed: "<result>" or "<result> <values>". */
export function common(command: string, ...args: string[]): string {
  // spawnSync blocks the test runner's time-out, so a tool that hangs is killed here.
  const options = { encoding: 'utf8', timeout: 10_000, killSignal: 'SIGKILL' } as const;
  const { stdout, stderr, status, error } = spawnSync(commonToolPath, [command, ...args], options);
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`outlive-common-tool ${command}: exit ${String(status)} ${stderr}`);
  return stdout;
}
