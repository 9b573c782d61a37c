/** log-follower.js <log>: follows a log until it is ended, and tells its parent when it has read the first item. */
import { readLog } from '../dist/index.js';

const [, , dir = ''] = process.argv;
let isFirst = true;
for await (const item of readLog(dir, { from: 'end', follow: true })) {
  if (isFirst && item.type === 'data') process.send?.('reading');
  isFirst = false;
}
