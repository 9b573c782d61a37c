/** log-follower.js <log>: follows a log until it is ended, and tells its parent when it has read the first bytes. */
import { readLog } from '../dist/index.js';

const [, , dir = ''] = process.argv;
let isReading = false;
for await (const item of readLog(dir, { from: 'end', follow: true })) {
  // Whoever falls behind at once gets a gap first.
  if (!isReading && item.type === 'data') process.send?.('reading');
  isReading ||= item.type === 'data';
}
