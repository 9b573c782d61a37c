// A process with a terminal: the runtime sends the pty's master through the console socket, as runc does.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, mkdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { isRoot, wantRight } from '../support/strict.js';
import { eachWithHost, type Host, runs, shell } from './harness.js';

// Receives the pty's master, reports it, copies the terminal to stdout line by line, and types what comes on stdin. Node
// cannot receive descriptors; python3 can, and node-gyp needs it anyway.
const receiver = `
import fcntl, os, socket, struct, sys, termios, threading
server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
os.chdir(os.path.dirname(sys.argv[1]))
server.bind(os.path.basename(sys.argv[1]))
server.listen(1)
print('listening', flush=True)
connection, _ = server.accept()
data, fds, flags, _ = socket.recv_fds(connection, 4096, 8)
rows, columns = struct.unpack('HHHH', fcntl.ioctl(fds[0], termios.TIOCGWINSZ, b'\\0' * 8))[:2]
print(data.decode(), len(fds), connection.recv(1) == b'', rows, columns, flush=True)
def type_lines():
    for line in sys.stdin:
        os.write(fds[0], line.encode())
threading.Thread(target=type_lines, daemon=True).start()
try:
    while text := os.read(fds[0], 4096):
        sys.stdout.write(text.decode())
        sys.stdout.flush()
except OSError:
    pass
print('hang-up', flush=True)
os._exit(0)
`;

const asRoot = wantRight('root, to run programs as another user', isRoot);

class Receiver {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string, undefined>;
  constructor(path: string) {
    this.#process = spawn('python3', ['-c', receiver, path], { stdio: ['pipe', 'pipe', 'inherit'] });
    const { stdout } = this.#process;
    if (stdout === null) throw new Error('no stdout');
    this.#lines = createInterface(stdout)[Symbol.asyncIterator]();
  }
  async line(): Promise<string> {
    const next = await this.#lines.next();
    return next.done === true ? '<end>' : next.value.replace('\r', '');
  }
  type(text: string): void {
    this.#process.stdin?.write(text);
  }
  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    if (this.#process.exitCode === null && this.#process.signalCode === null) await ended;
  }
}

let host: Host;
eachWithHost((one) => {
  host = one;
});

describe('a terminal', () => {
  it.each(['console', `${'x'.repeat(100)}/${'y'.repeat(100)}`])('is handed over by the socket %s', async (name) => {
    const socket = host.path(name);
    if (name.includes('/')) mkdirSync(host.path(name.slice(0, name.indexOf('/'))));
    await using terminal = new Receiver(socket);
    expect(await terminal.line()).toBe('listening');
    const script =
      'stty size; tty | sed s/[0-9]*$//; read line; echo "got $line"; cut -d" " -f1,5,6,8 /proc/$$/stat; exit 5';
    const what = shell(script, { terminal: true, consoleSize: { height: 33, width: 99 } });
    const pid = await host.run('a', what, ['--console-socket', socket]);
    expect(await terminal.line()).toBe('/dev/ptmx 1 True 33 99');
    expect(await terminal.line()).toBe('33 99');
    expect(await terminal.line()).toBe('/dev/pts/');
    terminal.type('typed\n');
    expect(await terminal.line()).toBe('typed');
    expect(await terminal.line()).toBe('got typed');
    // Leader of its session and group, and that group is the terminal's foreground.
    expect(await terminal.line()).toBe(`${pid} ${pid} ${pid} ${pid}`);
    expect(await host.exit(pid)).toEqual({ code: 5 });
    expect(await terminal.line()).toBe('hang-up');
  });

  it('is there after create, and used after start', async () => {
    const socket = host.path('console');
    await using terminal = new Receiver(socket);
    await terminal.line();
    const what = shell('stty size; exit 6', { terminal: true, consoleSize: { height: 5, width: 7 } });
    const pid = await host.create('a', what, ['--console-socket', socket]);
    expect(await terminal.line()).toBe('/dev/ptmx 1 True 5 7');
    expect(readdirSync(`/proc/${pid}/fd`)).toEqual(['0', '1', '2', '3']);
    expect((await host.command(['start', 'a'])).errors).toEqual([]);
    expect(await terminal.line()).toBe('5 7');
    expect(await host.exit(pid)).toEqual({ code: 6 });
    expect(await terminal.line()).toBe('hang-up');
  });

  it('is the controlling terminal: Ctrl-C sends SIGINT', async () => {
    const socket = host.path('console');
    await using terminal = new Receiver(socket);
    await terminal.line();
    const pid = await host.run('a', shell('echo ready; exec sleep 1000', { terminal: true }), [
      '--console-socket',
      socket,
    ]);
    await terminal.line();
    expect(await terminal.line()).toBe('ready');
    terminal.type('\x03\n');
    expect(await host.exit(pid)).toEqual({ signal: 2 });
  });

  it.runIf(asRoot)('belongs to the user of the process', async () => {
    const socket = host.path('console');
    await using terminal = new Receiver(socket);
    await terminal.line();
    const user = { uid: 1234, gid: 1234 };
    const what = shell('stat -c %u $(tty); echo open > $(tty)', { terminal: true, user });
    const pid = await host.run('a', what, ['--console-socket', socket]);
    await terminal.line();
    expect(await terminal.line()).toBe('1234');
    expect(await terminal.line()).toBe('open');
    expect(await host.exit(pid)).toEqual({ code: 0 });
  });

  it('is there for exec as well', async () => {
    const init = await host.run('a', shell('exec sleep 1000'));
    const socket = host.path('console');
    await using terminal = new Receiver(socket);
    await terminal.line();
    const what = shell('stty size', { terminal: true, consoleSize: { height: 2, width: 3 } });
    expect((await host.tryExec('a', 'b', what, ['--console-socket', socket])).errors).toEqual([]);
    expect(await terminal.line()).toBe('/dev/ptmx 1 True 2 3');
    expect(await terminal.line()).toBe('2 3');
    expect(await host.exit(Number(host.read('pid-b')))).toEqual({ code: 0 });
    expect(runs(init)).toBe(true);
  });
});

describe('is refused', () => {
  it('a terminal without a socket, and a socket without a terminal', async () => {
    expect((await host.tryRun('a', shell('true', { terminal: true }))).errors).toEqual([
      'process.terminal is true: a detached process needs --console-socket for its terminal',
    ]);
    expect((await host.tryRun('a', shell('true'), ['--console-socket', host.path('s')])).errors).toEqual([
      '--console-socket is of no use: process.terminal is not true',
    ]);
  });

  it('a socket that nobody listens on; nothing is left', async () => {
    const socket = host.path('nobody');
    expect((await host.tryRun('a', shell('true', { terminal: true }), ['--console-socket', socket])).errors).toEqual([
      `console socket ${socket}: no such file or directory`,
    ]);
    expect(readdirSync(host.root)).toEqual([]);
  });
});
