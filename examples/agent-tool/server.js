/**
 * The tool as a server of the Model Context Protocol: JSON-RPC 2.0, one message a line, on stdin and stdout. It has the part of
 * the protocol that tools need. https://modelcontextprotocol.io/specification
 *
 *   AGENT=<name> AGENT_DIR=<directory> node server.js
 */
import process from 'node:process';
import { createInterface } from 'node:readline';
import { CommandTool } from './tool.js';

const tool = new CommandTool({
  dir: process.env.AGENT_DIR ?? 'agent-jobs',
  agent: process.env.AGENT ?? 'agent',
  seconds: Number(process.env.SECONDS ?? 600),
});

const id = { type: 'string', description: 'A new id of your choice: letters, digits, - and _' };
const TOOLS = [
  describe('start', 'Starts a shell command. It runs on while you do other things.', {
    id,
    command: { type: 'string' },
  }),
  describe(
    'poll',
    'Gives the output after the cursor; waits for some if there is none. Poll again while state is running or hasMore is true.',
    { id },
    {
      cursor: { type: 'string', description: 'That of the last poll; none gives the output from the start' },
      waitMs: { type: 'number', description: 'How long to wait at most, in milliseconds' },
    },
  ),
  describe('kill', 'Ends a command, and all that it has started.', { id }),
  describe('remove', 'Forgets a command that has ended, and its output.', { id }),
];

function describe(
  /** @type {string} */ name,
  /** @type {string} */ description,
  /** @type {Record<string, object>} */ required,
  /** @type {Record<string, object>} */ optional = {},
) {
  const properties = { ...required, ...optional };
  return { name, description, inputSchema: { type: 'object', properties, required: Object.keys(required) } };
}

async function call(/** @type {string} */ name, /** @type {any} */ args) {
  switch (name) {
    case 'start':
      return tool.start(args);
    case 'poll':
      return tool.poll(args);
    case 'kill':
      return tool.kill(args);
    case 'remove':
      return tool.remove(args);
    default:
      throw new Error(`no tool ${name}`);
  }
}

/** What a tool has to say, for the model. An error is the model's to read, too. */
async function callTool(/** @type {{ name: string, arguments: unknown }} */ { name, arguments: args }) {
  try {
    const result = await call(name, args);
    return { content: [{ type: 'text', text: JSON.stringify(result) }], structuredContent: result };
  } catch (error) {
    return { content: [{ type: 'text', text: error instanceof Error ? error.message : String(error) }], isError: true };
  }
}

async function answer(/** @type {any} */ { method, params }) {
  switch (method) {
    case 'initialize':
      return {
        protocolVersion: params.protocolVersion,
        capabilities: { tools: {} },
        serverInfo: { name: 'outlive-agent-tool', version: '1' },
      };
    case 'ping':
      return {};
    case 'tools/list':
      return { tools: TOOLS };
    case 'tools/call':
      return callTool(params);
    default:
      return undefined;
  }
}

async function serve(/** @type {string} */ line) {
  const request = JSON.parse(line);
  if (request.id === undefined) return; // A notification.
  const result = await answer(request);
  const outcome =
    result === undefined ? { error: { code: -32601, message: `no method ${request.method}` } } : { result };
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id: request.id, ...outcome })}\n`);
}

// Calls run side by side: a poll that waits holds up no kill.
for await (const line of createInterface({ input: process.stdin })) {
  serve(line).catch((error) => console.error(error));
}
// The agent has ended. Its jobs have not.
process.exit();
