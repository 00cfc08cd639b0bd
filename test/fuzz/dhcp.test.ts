import { describe, expect, test } from 'vitest';
import { cidr, type Ipv4, ipv4, type Mac } from '../../src-main/base/address.ts';
import { type Random, seededRandom } from '../../src-main/base/random.ts';
import { memoryLeaseBook } from '../../src-main/netboot/dhcp/memory-lease-book.ts';
import { decodeDhcp, dhcpMessage, encodeDhcp } from '../../src-main/protocol/dhcp.ts';
import {
  readArchitectures,
  readClientUuid,
  readIpxeOptions,
  readNetworkInterface,
  readUserClasses,
} from '../../src-main/protocol/dhcp-pxe.ts';
import {
  readIpv4List,
  readSubOptions,
  readText,
  readU16,
  readU32,
} from '../../src-main/protocol/dhcp-values.ts';
import { FIRMWARE_DISCOVERS } from '../fixtures/dhcp-firmware.ts';
import { DhcpRig } from '../support/dhcp-rig.ts';
import { escapedFrom, FUZZ_INPUTS, FUZZ_SEED, HeapWatch, turn } from '../support/fuzzing.ts';

/** No single input may take longer; generous, since garbage collection and other processes count too. */
const SLOWEST_MS = 500;
const GROWTH_BYTES = 24 << 20;
/** Addresses that the server hands out: 10.77.0.50 to 10.77.0.200. */
const POOL = 151;

const SAMPLES = Object.values(FIRMWARE_DISCOVERS).map((make) => make());

/** Random bytes behind a plausible start. */
function noise(random: Random): Uint8Array {
  const bytes = random.bytes(random.int(0, 600));
  if (bytes.length >= 240 && random.int(0, 3) > 0) {
    bytes.set([random.int(1, 2), 1, 6]);
    bytes.set([0x63, 0x82, 0x53, 0x63], 236);
  }
  return bytes;
}

/** A real packet with some bytes changed, cut or repeated. */
function mutation(random: Random): Uint8Array {
  const bytes = (SAMPLES[random.int(0, SAMPLES.length - 1)] ?? noise(random)).slice();
  for (let n = random.int(1, 8); n > 0; n--)
    bytes[random.int(0, bytes.length - 1)] = random.int(0, 3) === 0 ? 255 : random.int(0, 255);
  const end = random.int(0, 4) === 0 ? random.int(0, bytes.length) : bytes.length;
  if (random.int(0, 4) > 0) return bytes.slice(0, end);
  const twice = new Uint8Array(Math.min(1500, end + bytes.length));
  twice.set(bytes.subarray(0, end));
  twice.set(bytes.subarray(0, twice.length - end), end);
  return twice;
}

/** A well-formed message that makes no sense, or too much of it: many clients, all types, any addresses. */
function hostile(random: Random): Uint8Array {
  const address = () =>
    ((random.int(0, 2) === 0 ? random.u32() : ipv4('10.77.0.0') + random.int(0, 255)) >>> 0) as Ipv4;
  const options = new Map<number, Uint8Array>([[53, Uint8Array.of(random.int(0, 9))]]);
  for (let n = random.int(0, 8); n > 0; n--) {
    const tag = random.pick([1, 12, 50, 51, 54, 54, 55, 57, 60, 61, 77, 82, 93, 97, 175, random.int(1, 254)]);
    const value = random.bytes(random.pick([0, 1, 2, 4, 4, 4, 17, random.int(0, 300)]));
    options.set(tag, value);
  }
  if (random.int(0, 1) === 0) options.set(54, Uint8Array.of(10, 77, 0, 1));
  if (random.int(0, 1) === 0) options.set(50, Uint8Array.of(10, 77, 0, random.int(0, 255)));
  const mac = (0x525400000000 + random.int(0, random.pick([3, 0xffffffff]))) as Mac;
  const fields = {
    ciaddr: address(),
    giaddr: address(),
    flags: random.int(0, 65535),
    xid: random.u32(),
    mac,
    options,
  };
  if (random.int(0, 3) > 0) fields.giaddr = 0 as Ipv4;
  if (random.int(0, 3) > 0) fields.ciaddr = 0 as Ipv4;
  return encodeDhcp(dhcpMessage(fields), 1472);
}

const input = (random: Random) => random.pick([noise, mutation, hostile, hostile])(random);

/** Feeds the inputs one by one; says which one it was when something goes wrong. */
async function feed(eat: (bytes: Uint8Array, n: number) => void | Promise<void>): Promise<void> {
  const random = seededRandom(FUZZ_SEED);
  const heap = new HeapWatch(FUZZ_INPUTS);
  let slowest = 0;
  for (let n = 0; n < FUZZ_INPUTS; n++) {
    heap.after(n);
    const bytes = input(random);
    const copy = bytes.slice();
    const started = performance.now();
    try {
      const eaten = eat(bytes, n);
      if (eaten) await eaten;
    } catch (cause) {
      throw new Error(`input ${n} of seed ${FUZZ_SEED}: ${Buffer.from(copy).toString('hex')}`, { cause });
    }
    slowest = Math.max(slowest, performance.now() - started);
  }
  expect(slowest).toBeLessThan(SLOWEST_MS);
  expect(heap.grownBytes).toBeLessThan(GROWTH_BYTES);
}

describe(`${FUZZ_INPUTS} DHCP inputs`, () => {
  test('leave the codec standing', { timeout: 600_000 }, async () => {
    await feed((bytes) => {
      const message = decodeDhcp(bytes);
      if (!message) return;
      for (const [tag, value] of message.options) {
        for (const read of [readText, readU16, readU32, readIpv4List]) read(message.options, tag);
        readSubOptions(value, tag % 2 === 0);
      }
      const { options } = message;
      for (const read of [readArchitectures, readUserClasses, readClientUuid, readNetworkInterface])
        read(options);
      readIpxeOptions(options);
      const again = decodeDhcp(encodeDhcp(message, 1472));
      if (again?.xid !== message.xid) throw new Error('written and read, it is another message');
    });
  });

  test(
    'leave the server standing, its memory bounded and its promises kept',
    { timeout: 600_000 },
    async () => {
      const ranges = [{ first: ipv4('10.77.0.50'), last: ipv4('10.77.0.200') }];
      const subnets = [{ cidr: cidr('10.77.0.0/24'), ranges }];
      const leaseBook = memoryLeaseBook();
      const rig = await new DhcpRig().start({ subnets, maxOffers: 64 }, leaseBook);
      const look = async () => {
        rig.clock.advance(700);
        await turn();
        for (const { data } of rig.segment.take())
          if (decodeDhcp(data)?.op !== 2 || data.length > 1472) throw new Error('no reply of a DHCP server');
        rig.events.length = 0;
        rig.changes.length = 0;
        const leases = rig.server.leases();
        const addresses = new Set(leases.map(({ address }) => address));
        if (leases.length > POOL || addresses.size < leases.length) throw new Error('too many leases');
        if (leaseBook.all().length > POOL) throw new Error('the lease book grows');
      };
      const escaped = await escapedFrom(() =>
        feed((bytes, n) => {
          rig.segment.deliver(67, bytes);
          return n % 50 === 0 ? look() : undefined;
        }),
      );
      expect(escaped).toEqual([]);
      const { received, sent, dropped } = rig.server.counters;
      // The inputs reached every corner.
      for (const type of ['discover', 'request', 'decline', 'release', 'inform'] as const)
        expect(received[type], type).toBeGreaterThan(0);
      for (const type of ['offer', 'ack', 'nak'] as const) expect(sent[type], type).toBeGreaterThan(0);
      expect(Object.keys(dropped).length).toBeGreaterThan(5);
      await turn();
      // Whoever comes after all that still gets an address, once the leases have ended.
      rig.clock.advance(4_000_000);
      rig.segment.take();
      expect(await rig.lease(0x525400000001 as Mac)).not.toBeNull();
    },
  );
});
