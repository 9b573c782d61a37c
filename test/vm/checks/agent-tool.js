/** The tool of examples/agent-tool, where the memory of its jobs can be limited. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { CommandTool } from '../../../examples/agent-tool/tool.js';
import { nothingLeft, until } from '../inside/check.js';

/** @type {import('../inside/check.js').Check[]} */
export default [
  {
    name: 'agent-tool: a job that takes more memory than its limit is ended; another one is not',
    run: async () => {
      const dir = mkdtempSync('/var/tmp/outlive-vm-');
      const marker = dir.slice('/var/tmp/'.length);
      const tool = new CommandTool({ dir, agent: 'one', memoryBytes: 32 << 20 });
      const greedy = await tool.start({ id: `${marker}-greedy`, command: 'tail /dev/zero' });
      assert.deepEqual([greedy.isNew, greedy.isMemoryLimited], [true, true]);
      const modest = await tool.start({ id: `${marker}-modest`, command: 'echo done' });
      for (const [{ id }, status] of /** @type {const} */ ([
        [greedy, 137],
        [modest, 0],
      ])) {
        const end = await until(`the end of ${id}`, async () => {
          const last = await tool.poll({ id, cursor: 'start', waitMs: 1000 });
          return 'status' in last && last;
        });
        assert.equal(end.status, status);
        await tool.remove({ id });
      }
      await nothingLeft(marker);
      rmSync(dir, { recursive: true });
    },
  },
];
