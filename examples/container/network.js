/**
 * A network for a container that is created, but does not run yet: a pair of virtual interfaces, one end on the host, one in
 * the container. Both are gone when the container is: nothing needs to be removed. See veth(4), ip-link(8), nsenter(1).
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** @param {string} command */
async function sh(command) {
  const [file = '', ...args] = command.split(' ');
  await execute(file, args);
}

/**
 * @param {number} pid the container's process, which holds its network namespace.
 * @param {{ name: string, host: string, container: string }} network the host's interface (at most 15 bytes), and the addresses
 *   of both ends, as `10.0.0.1/30`.
 */
export async function connect(pid, { name, host, container }) {
  const inside = `nsenter --net=/proc/${pid}/ns/net ip`;
  await sh(`ip link add ${name} type veth peer name eth0 netns ${pid}`);
  await sh(`ip address add ${host} dev ${name}`);
  await sh(`ip link set ${name} up`);
  await sh(`${inside} link set lo up`);
  await sh(`${inside} address add ${container} dev eth0`);
  await sh(`${inside} link set eth0 up`);
}
