import fc from 'fast-check';
import { expect, it } from 'vitest';
import { at, client, DhcpRig, SERVER, typeOf } from '../../../test/support/dhcp-rig.ts';
import type { Ipv4, Mac } from '../../base/address.ts';
import type { DhcpMessage } from '../../protocol/dhcp.ts';
import { OPTION } from '../../protocol/dhcp-options.ts';
import { readU32, textValue, u32Value } from '../../protocol/dhcp-values.ts';
import { memoryLeaseBook } from './memory-lease-book.ts';

/** What a client may do at any moment, sensible or not. */
const clientStep = fc.record({
  who: fc.integer({ min: 1, max: 6 }).map(client),
  what: fc.constantFrom<'discover' | 'request' | 'decline' | 'release' | 'inform'>(
    'discover',
    'request',
    'request',
    'request',
    'decline',
    'release',
    'inform',
  ),
  wanted: fc.option(fc.integer({ min: 99, max: 103 }).map(at), { nil: null }),
  ciaddr: fc.option(fc.integer({ min: 99, max: 103 }).map(at), { nil: null }),
  server: fc.constantFrom(null, SERVER, at(2)),
  pxe: fc.boolean(),
  waitMs: fc.constantFrom(0, 0, 1000, 31_000, 400_000),
  restart: fc.integer({ min: 0, max: 19 }).map((n) => n === 0),
});
type ClientStep = typeof clientStep extends fc.Arbitrary<infer T> ? T : never;

function optionsOf({ wanted, server, pxe }: ClientStep): [number, Uint8Array][] {
  const options: [number, Uint8Array][] = [];
  if (wanted !== null) options.push([OPTION.requestedAddress, u32Value(wanted)]);
  if (server !== null) options.push([OPTION.serverIdentifier, u32Value(server)]);
  if (pxe) options.push([OPTION.vendorClass, textValue('PXEClient')]);
  return options;
}

/** The leases as the clients understand them: the server's tables are not asked. */
class Understanding {
  readonly #leases = new Map<Ipv4, { mac: Mac; until: number }>();

  /** Nobody is offered or given an address that somebody else believes to have. */
  check(reply: DhcpMessage, now: number): void {
    if (typeOf(reply) === 'nak' || reply.yiaddr === 0) return;
    const holder = this.#leases.get(reply.yiaddr);
    expect(!holder || holder.mac === reply.mac || holder.until <= now).toBe(true);
    const leaseMs = (readU32(reply.options, OPTION.leaseTime) ?? 0) * 1000;
    if (typeOf(reply) === 'ack') this.#leases.set(reply.yiaddr, { mac: reply.mac, until: now + leaseMs });
  }

  giveUp(address: Ipv4 | null, mac: Mac): void {
    if (address !== null && this.#leases.get(address)?.mac === mac) this.#leases.delete(address);
  }
}

it('whatever clients do, no address is leased to two of them at a time, restarts included', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(clientStep, { maxLength: 60 }), async (steps) => {
      const leaseBook = memoryLeaseBook();
      let rig = await new DhcpRig().start({}, leaseBook);
      const understood = new Understanding();
      let now = 0;
      for (const step of steps) {
        const { who, what, wanted, ciaddr, server, waitMs, restart } = step;
        now += waitMs;
        rig.clock.advance(waitMs);
        if (restart) {
          await rig.server.dispose();
          rig = new DhcpRig();
          rig.clock.advance(now);
          await rig.start({}, leaseBook);
        }
        if (server !== at(2) && what === 'decline') understood.giveUp(wanted, who);
        if (server !== at(2) && what === 'release') understood.giveUp(ciaddr, who);
        for (const reply of await rig.ask(what, who, optionsOf(step), ciaddr === null ? {} : { ciaddr }))
          understood.check(reply, now);
      }
      await rig.server.dispose();
    }),
    { numRuns: 60 },
  );
});
