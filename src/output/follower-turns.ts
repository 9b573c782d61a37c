/** Spreads what many followers do at the same moment over turns of the event loop: a thousand at once would hold it up. */
import { TurnQueue } from '../base/turns.js';

/** There is one for each thread. */
export const followerTurns = new TurnQueue(16);
