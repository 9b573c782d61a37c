/**
 * A terminal in the browser: HTTP for the page, a WebSocket for each tab, one shell for all of them. The shell is a process of
 * outlive: it runs on when this server is killed, and the next server finds it.
 *
 *   PORT=<port> node server.js
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { find, run } from 'outlive';
import { WebSocketServer } from 'ws';

const port = Number(process.env.PORT ?? 8022);
const SHELL_ID = 'web-terminal';
/** How much of the past a new tab gets, in bytes. */
const REPLAY_BYTES = 256 * 1024;

/** What the page consists of. @type {Record<string, [type: string, module: string]>} */
const FILES = {
  '/': ['text/html', './page/index.html'],
  '/page.js': ['text/javascript', './page/page.js'],
  '/xterm.js': ['text/javascript', '@xterm/xterm/lib/xterm.mjs'],
  '/xterm.css': ['text/css', '@xterm/xterm/css/xterm.css'],
  '/addon-fit.js': ['text/javascript', '@xterm/addon-fit/lib/addon-fit.mjs'],
};

/** The shell: the one that runs, or a new one if there is none or it has ended. */
async function findShell() {
  const known = await find(SHELL_ID).catch((error) => {
    if (error.code !== 'ERR_CONTAINER_NOT_FOUND') throw error;
  });
  if (known?.hasEnded === false) return known;
  await known?.remove();
  return run([process.env.SHELL ?? 'sh'], { id: SHELL_ID, terminal: true, env: { TERM: 'xterm-256color' } });
}

const shell = await findShell();

/** A tab, until it is closed or the shell ends: what is typed goes to the shell, its output to the tab. */
async function serve(/** @type {import('ws').WebSocket} */ socket, /** @type {string | null} */ cursor) {
  const closed = new AbortController();
  socket.on('close', () => closed.abort());
  const stdin = shell.openStdin();
  stdin.on('error', () => socket.terminate());
  socket.on('close', () => stdin.destroy());
  socket.on('message', (data) => {
    try {
      const { input, columns, rows } = JSON.parse(String(data));
      if (typeof input === 'string') stdin.write(input);
      else shell.resize(columns, rows);
    } catch (error) {
      console.error(error);
      socket.terminate();
    }
  });

  const sinceMs = Date.now();
  const from = cursor ?? { tail: REPLAY_BYTES };
  for await (const item of shell.output({ from, follow: true, signal: closed.signal })) {
    const data = item.type === 'data' ? { data: item.data.toString('base64') } : {};
    const isPast = 'timeMs' in item && item.timeMs < sinceMs;
    // Bytes and cursor are one message: a tab has both or neither. A tab that is slow holds back only itself.
    await new Promise((sent) => socket.send(JSON.stringify({ ...item, ...data, isPast }), sent));
  }
}

const server = createServer((request, response) => {
  if (!isOurs(request)) return void response.writeHead(403).end();
  // For the show: this is how a crash looks.
  if (request.method === 'POST' && request.url === '/kill') process.kill(process.pid, 'SIGKILL');
  const [type, module] = FILES[request.url ?? ''] ?? [];
  if (type === undefined || module === undefined) return void response.writeHead(404).end();
  response.writeHead(200, { 'content-type': type }).end(readFileSync(fileURLToPath(import.meta.resolve(module))));
});

const verifyClient = (/** @type {{ req: import('node:http').IncomingMessage }} */ { req }) => isOurs(req);
const sockets = new WebSocketServer({ server, verifyClient, maxPayload: 1 << 20 });
sockets.on('connection', (socket, request) => {
  const cursor = new URL(request.url ?? '', 'http://localhost').searchParams.get('cursor');
  socket.on('error', () => socket.terminate());
  serve(socket, cursor).then(
    () => socket.close(1000, 'the shell has ended'),
    // A cursor of another shell is ERR_INVALID_ARG_VALUE: the tab begins anew then.
    (error) => socket.close(1011, String(error.code)),
  );
});

/** Whether a page of this server asks: another site must not type into the shell, nor one whose name leads to 127.0.0.1. */
function isOurs(/** @type {import('node:http').IncomingMessage} */ { headers: { host = '', origin } }) {
  const isHere = [`127.0.0.1:${port}`, `localhost:${port}`].includes(host);
  return isHere && (origin === undefined || origin === `http://${host}`);
}

server.listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}`));
process.on('disconnect', () => process.exit()); // start.js has ended.
await shell.wait();
console.log('The shell has ended.');
await Promise.all([...sockets.clients].map((socket) => once(socket, 'close')));
process.exit();
