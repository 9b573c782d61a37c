/** What may be done with a `SupervisorEvent`, and mistakes that may not. The compiler is the test: `npm run typecheck`. */
import type { Exit, LoggedEvent, SupervisorEvent, SupervisorEventType } from '../../src/index.js';

type Same<A, B> = [A, B] extends [B, A] ? true : false;

/** `type` says which members are there. */
export function narrowed(event: LoggedEvent): number | string | undefined {
  switch (event.type) {
    case 'exit':
      return event.exit.status ?? event.exit.lost ?? event.processId.length + event.processKey.length;
    case 'oom':
      return event.kills + event.totalKills + event.processId.length;
    case 'created':
    case 'start':
    case 'exec-started':
      return event.systemPid + event.processId.length;
    default:
      return event.sequence + event.timeMs + event.containerId.length + event.containerKey.length;
  }
}

/** Also if the members are taken out first, and by the member that only one type has. */
export function taken({ type, exit }: SupervisorEvent): number | undefined {
  return type === 'exit' ? exit.status : undefined;
}
export const byMember = (event: SupervisorEvent): string => (event.exit ? event.processId : event.containerId);

/** What was written before `SupervisorEvent` was a union: each member may be asked of each event. */
export function asked(event: SupervisorEvent): (number | string | true | Exit | undefined)[] {
  const { processId, processKey, systemPid, exit, kills, totalKills, recovered } = event;
  return [event.exit?.status, processId, processKey, systemPid, exit, kills, totalKills, recovered];
}

// @ts-expect-error not every event has it
export const unasked = (event: SupervisorEvent): Exit => event.exit;
// @ts-expect-error a container's event has no process
export const ofNoProcess = (event: SupervisorEvent): string => (event.type === 'pause' ? event.processId : '');

const placed = { containerId: 'a', containerKey: 'k', timeMs: 0 };
const ofProcess = { ...placed, processId: 'init', processKey: 'k' };

export const events: SupervisorEvent[] = [
  { type: 'create', ...placed, recovered: true },
  { type: 'start', ...ofProcess, systemPid: 1 },
  { type: 'exit', ...ofProcess, exit: { status: 0 } },
  { type: 'oom', ...ofProcess, kills: 1, totalKills: 2 },
  // @ts-expect-error an exit needs `exit`
  { type: 'exit', ...ofProcess },
  // @ts-expect-error a start has no `exit`
  { type: 'start', ...ofProcess, systemPid: 1, exit: { status: 0 } },
  // @ts-expect-error there is no such type
  { type: 'stop', ...placed },
];

export const typesAreNamed: Same<SupervisorEventType, SupervisorEvent['type']> = true;
