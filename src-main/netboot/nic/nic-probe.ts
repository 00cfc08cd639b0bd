import { createSocket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { formatIpv4, type Ipv4 } from '../../base/address.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import type { ProcessRunner } from '../../base/process-runner.ts';
import { pingAnswered, pingArguments, resolvedNeighbours } from './neighbour-table.ts';

export interface NicProbeOptions {
  readonly interface: string;
  readonly address: Ipv4;
  readonly platform: NodeJS.Platform;
  readonly runner: ProcessRunner;
  readonly clock: Clock;
  /** The text of /proc/net/arp; a parameter for tests. */
  readonly readNeighbours?: () => Promise<string>;
}

const LOOK_EVERY_MS = 20;
const DISCARD_PORT = 9;

/**
 * Whether anybody on the NIC's network uses an address. Node has no raw sockets, so on Linux the kernel is made to
 * ask by ARP (RFC 5227), which a host cannot refuse to answer: a datagram to it does that. Where the kernel already
 * believes to know the address, and on other systems, `ping` tells.
 */
export async function probeOnNic(
  options: NicProbeOptions,
  target: Ipv4,
  timeoutMs: number,
): Promise<boolean> {
  if (target === options.address) return true;
  if (options.platform !== 'linux') return ping(options, target, timeoutMs);
  const known = await isResolved(options, target);
  return known ? ping(options, target, timeoutMs) : askKernel(options, target, timeoutMs);
}

async function askKernel(options: NicProbeOptions, target: Ipv4, timeoutMs: number): Promise<boolean> {
  const { clock } = options;
  const deadline = clock.now() + timeoutMs;
  await nudge(options.address, target);
  for (;;) {
    if (await isResolved(options, target)) return true;
    if (clock.now() >= deadline) return false;
    await sleep(clock, Math.min(LOOK_EVERY_MS, deadline - clock.now()));
  }
}

async function isResolved(
  { readNeighbours = readProc, ...nic }: NicProbeOptions,
  target: Ipv4,
): Promise<boolean> {
  return resolvedNeighbours(await readNeighbours(), nic.interface).has(target);
}

function readProc(): Promise<string> {
  return readFile('/proc/net/arp', 'latin1').catch(() => '');
}

/** One byte to the discard port; failing to send it is an answer too: nobody is there. */
function nudge(from: Ipv4, target: Ipv4): Promise<void> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const done = () => socket.close(() => resolve());
    socket.once('error', done);
    socket.bind(0, formatIpv4(from), () =>
      socket.send(Uint8Array.of(0), DISCARD_PORT, formatIpv4(target), done),
    );
  });
}

async function ping(
  { runner, platform }: NicProbeOptions,
  target: Ipv4,
  timeoutMs: number,
): Promise<boolean> {
  const args = pingArguments(platform, formatIpv4(target), timeoutMs);
  const { code, stdout } = await runner.run('ping', args, { timeoutMs });
  return pingAnswered(platform, code, stdout);
}
