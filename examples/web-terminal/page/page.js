/** A tab: a terminal that goes on where it was when the server comes back. */
import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';

const RETRY_MS = 250;

const terminal = new Terminal({ scrollback: 10_000 });
const fit = new FitAddon();
terminal.loadAddon(fit);
terminal.open(element('terminal'));
terminal.focus();

/** Up to where this tab has shown the shell's output. @type {string | undefined} */
let cursor;

/** @type {WebSocket} */
let socket;

/** What was typed while there was no server. */
let unsent = '';

function connect() {
  const query = cursor === undefined ? '' : `?cursor=${encodeURIComponent(cursor)}`;
  socket = new WebSocket(`ws://${location.host}/${query}`);
  socket.onopen = () => {
    element('state').textContent = 'connected';
    if (cursor === undefined) sendSize();
    if (unsent !== '') socket.send(JSON.stringify({ input: unsent }));
    unsent = '';
  };
  socket.onmessage = ({ data }) => receive(JSON.parse(data));
  socket.onclose = ({ code, reason }) => {
    if (code === 1000) return void (element('state').textContent = reason);
    element('state').textContent = `no server ${reason}`;
    if (reason === 'ERR_INVALID_ARG_VALUE') {
      // There is another shell now: begin anew.
      cursor = undefined;
      terminal.reset();
    }
    setTimeout(connect, RETRY_MS);
  };
}

/** Shows one item of the shell's output, and notes that. @param {Record<string, any>} item */
function receive(item) {
  if (item.type === 'data') write(Uint8Array.from(atob(item.data), toCode), item.isPast);
  if (item.type === 'gap') write(`\r\n[${item.bytes} bytes are missing]\r\n`, true);
  // All tabs have the size that the shell has: that of the tab that was resized last.
  if (item.type === 'resize') terminal.resize(item.columns, item.rows);
  cursor = item.cursor;
}

function toCode(/** @type {string} */ character) {
  return character.charCodeAt(0);
}

/** Of each write that is not shown yet: whether it is of the past. @type {boolean[]} */
const waiting = [];

function write(/** @type {string | Uint8Array} */ data, /** @type {boolean} */ isPast) {
  waiting.push(isPast);
  terminal.write(data, () => void waiting.shift());
}

// Programs ask terminals for attributes and for the cursor's position. All tabs see the question: the one in front answers,
// unless it was asked before this tab was there.
for (const id of [{ final: 'c' }, { prefix: '>', final: 'c' }, { final: 'n' }, { prefix: '?', final: 'n' }]) {
  terminal.parser.registerCsiHandler(id, () => waiting[0] === true || !document.hasFocus());
}

terminal.onData((input) => {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ input }));
  else unsent += input;
});

function sendSize() {
  fit.fit();
  if (socket.readyState === WebSocket.OPEN)
    socket.send(JSON.stringify({ columns: terminal.cols, rows: terminal.rows }));
}

function element(/** @type {string} */ id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`no element ${id}`);
  return found;
}

window.addEventListener('resize', sendSize);
element('kill').addEventListener('click', () => {
  fetch('/kill', { method: 'POST' }).catch(() => undefined);
  terminal.focus();
});
Object.assign(window, { terminal }); // To look at it from the browser's console.
connect();
