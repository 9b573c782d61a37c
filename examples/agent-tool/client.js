/** What an agent has: a connection to the tool's server, which is its child. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';

/** @param {Record<string, string>} settings AGENT, AGENT_DIR … of server.js. */
export function connect(settings) {
  const server = spawn(process.execPath, [join(import.meta.dirname, 'server.js')], {
    env: { ...process.env, ...settings },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(server, 'exit');
  /** @type {Map<number, (message: any) => void>} */
  const waiting = new Map();
  createInterface({ input: server.stdout }).on('line', (line) => {
    const message = JSON.parse(line);
    waiting.get(message.id)?.(message);
    waiting.delete(message.id);
  });
  server.stdin.on('error', () => undefined);
  let serial = 0;

  /** @param {string} method @param {object} [params] @returns {Promise<any>} */
  const request = (method, params) => {
    const id = serial++;
    server.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
    return new Promise((resolve) => waiting.set(id, resolve));
  };
  return {
    request,
    /** Calls a tool. @param {string} name @param {object} args @returns {Promise<any>} */
    async call(name, args) {
      const { result } = await request('tools/call', { name, arguments: args });
      if (result.isError) throw new Error(result.content[0].text);
      return result.structuredContent;
    },
    /** Ends the server as a crash does. */
    async crash() {
      server.kill('SIGKILL');
      await exited;
    },
  };
}
