import { formatIpv4, formatMac, type Mac, parseMac } from '../../../../base/address.ts';
import { sleep } from '../../../../base/clock.ts';
import type { Machine } from '../machine/machine.ts';
import { acquireLease, type DhcpContext, type DhcpLease, renewLease } from '../net/dhcp-client.ts';
import { type DhcpIdentity, udhcpc } from '../net/dhcp-flavour.ts';
import type { NicDevice, NicStack } from '../net/nic-device.ts';

/** udhcpc waits so long after three unanswered DISCOVERs. */
const PAUSE_MS = 20_000;
/** Never asks more often, however short the lease. */
const SHORTEST_RENEWAL_MS = 1000;

/** The interface that the system came up on. */
export interface OsNetwork {
  readonly nic: NicDevice;
  readonly stack: NicStack;
  readonly lease: DhcpLease;
}

/** The MAC of `BOOTIF=01-aa-bb-…`, which boot loaders put on the command line (colons or dashes). */
export function bootMacOf(commandLine: string): Mac | null {
  const text = /(?:^|\s)BOOTIF=(?:01[-:])?((?:[0-9a-f]{2}[-:]){5}[0-9a-f]{2})(?:\s|$)/i.exec(
    commandLine,
  )?.[1];
  return text === undefined ? null : parseMac(text);
}

/** Gets an address on the boot interface, or the first; asks until somebody answers. */
export async function startNetwork(
  machine: Machine,
  bootMac: Mac | null,
  hostname?: string,
): Promise<OsNetwork | null> {
  const { clock, random, pace, signal, terminal } = machine;
  const nic = machine.nics.find(({ mac }) => mac === bootMac) ?? machine.nics[0];
  if (!nic) return null;
  if (bootMac !== null && nic.mac !== bootMac)
    terminal.println(`no network interface has the boot address ${formatMac(bootMac)}`);
  const stack = nic.open(clock, random);
  const context = { stack, clock, random, pace, signal };
  await machine.step('os-dhcp');
  for (;;) {
    const result = await acquireLease(context, udhcpc, identityOf(machine, nic, hostname));
    if ('lease' in result) {
      const { address, server } = result.lease;
      terminal.println(`udhcpc: lease of ${formatIpv4(address)} obtained from ${formatIpv4(server)}`);
      return { nic, stack, lease: result.lease };
    }
    terminal.println(`udhcpc: ${result.failure === 'refused' ? 'received DHCP NAK' : 'no lease'}`);
    await pace.retry(PAUSE_MS);
  }
}

/**
 * Keeps the lease alive until the power goes: renewing at T1, rebinding at T2 (RFC 2131 §4.4.5), and a new address
 * when it is refused or has run out. `onLease` hears of every change. Leases run in real time at any pace.
 */
export async function keepLease(
  machine: Machine,
  network: OsNetwork,
  onLease: (lease: DhcpLease) => void,
  hostname?: string,
): Promise<never> {
  const { clock, random, pace, signal } = machine;
  const context: DhcpContext = { stack: network.stack, clock, random, pace, signal };
  const identity = identityOf(machine, network.nic, hostname);
  for (let lease = network.lease; ; ) {
    const renewed = await renewInTime(context, identity, lease);
    if (renewed === null) {
      network.stack.ip.configure(null);
      const result = await acquireLease(context, udhcpc, identity);
      if ('failure' in result) await pace.retry(PAUSE_MS);
      else lease = result.lease;
    } else lease = renewed;
    onLease(lease);
  }
}

/** The lease after its renewal; null when it is lost. */
async function renewInTime(
  context: DhcpContext,
  identity: DhcpIdentity,
  lease: DhcpLease,
): Promise<DhcpLease | null> {
  const { clock, signal } = context;
  const start = clock.now();
  const expiresAt = start + lease.leaseMs;
  const rebindAt = start + lease.leaseMs * 0.875;
  let wakeAt = start + Math.max(SHORTEST_RENEWAL_MS, Math.min(lease.renewAfterMs, lease.leaseMs / 2));
  while (wakeAt < expiresAt) {
    await sleep(clock, wakeAt - clock.now(), signal);
    const renewed = await renewLease(context, udhcpc, identity, lease, clock.now() >= rebindAt);
    if (renewed === 'lost') return null;
    if (renewed) return renewed;
    // Half of what is left, as the RFC says and udhcpc does.
    wakeAt = clock.now() + Math.max(SHORTEST_RENEWAL_MS, (expiresAt - clock.now()) / 2);
  }
  await sleep(clock, Math.max(0, expiresAt - clock.now()), signal);
  return null;
}

function identityOf({ spec }: Machine, nic: NicDevice, hostname?: string): DhcpIdentity {
  return { mac: nic.mac, uuid: spec.identity.uuid, ...(hostname === undefined ? {} : { hostname }) };
}
