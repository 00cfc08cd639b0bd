import { expect, test } from 'vitest';
import { ipv4 } from '../../src-main/base/address.ts';
import { ManualClock } from '../../src-main/base/clock.ts';
import { type Random, seededRandom } from '../../src-main/base/random.ts';
import { bufferFile } from '../../src-main/netboot/files/buffer-file.ts';
import { startTftpServer } from '../../src-main/netboot/tftp/tftp-server.ts';
import { encodeTftp } from '../../src-main/protocol/tftp.ts';
import { escapedFrom, FUZZ_INPUTS, FUZZ_SEED, HeapWatch } from '../support/fuzzing.ts';
import { TftpTestSegment } from '../support/tftp-test-segment.ts';

const GROWTH_BYTES = 16 << 20;
const MAX_TRANSFERS = 8;
const CONTENT = 'x'.repeat(5000);

const WORDS = [
  ...'octet netascii mail blksize tsize timeout windowsize 0 1 8 1468 65464 images/ boot-kernel default'.split(
    ' ',
  ),
  ...'pxelinux.cfg/ grub/ grub.cfg- ipxe.cfg- 01- .. \\ / 52:54:00:00:00:01 .efi -amd64 \0 \xff - ,'.split(
    ' ',
  ),
] as [string, ...string[]];

/** A valid request with some bytes changed, cut off or repeated; or words in a row; or noise. */
function packet(random: Random): Uint8Array {
  switch (random.int(0, 3)) {
    case 0:
      return random.bytes(random.int(0, 64));
    case 1:
      return Uint8Array.of(0, random.int(0, 7), ...Buffer.from(words(random), 'latin1'));
    default: {
      const bytes = encodeTftp({
        type: random.pick(['rrq', 'rrq', 'wrq']),
        filename: random.pick(['boot-kernel', 'images/x', words(random)]),
        mode: random.pick(['octet', 'netascii', 'OCTET']),
        options: [[random.pick(['blksize', 'windowsize', 'tsize']), random.pick(WORDS)]],
      }).slice();
      for (let flips = random.int(0, 3); flips > 0; flips--)
        bytes[random.int(0, bytes.length - 1)] = random.int(0, 255);
      return bytes.subarray(0, random.int(0, bytes.length));
    }
  }
}

function words(random: Random): string {
  return Array.from({ length: random.int(0, 8) }, () => random.pick(WORDS)).join(
    random.pick(['', '\0', '/']),
  );
}

/** A client that acknowledges most of what it gets, until nothing more comes. */
async function answer(segment: TftpTestSegment, random: Random): Promise<void> {
  for (let sent = await segment.drain(); sent.length > 0; sent = await segment.drain())
    for (const { port, to, packet: got } of sent) {
      if (random.int(0, 9) === 0) continue;
      if (got.type === 'data') segment.deliver(port, encodeTftp({ type: 'ack', block: got.block }), to);
      if (got.type === 'oack') segment.deliver(port, encodeTftp({ type: 'ack', block: 0 }), to);
    }
}

/** A client that does everything right; the file it got. */
async function download(segment: TftpTestSegment, path: string): Promise<string> {
  const peer = { address: ipv4('10.77.0.200'), port: 2000 };
  segment.deliver(69, encodeTftp({ type: 'rrq', filename: path, mode: 'octet', options: [] }), peer);
  let text = '';
  for (;;) {
    const { port, packet, payload } = await segment.sent();
    if (packet.type !== 'data') throw new Error(`got ${JSON.stringify(packet)}`);
    text += payload.toString();
    segment.deliver(port, encodeTftp({ type: 'ack', block: packet.block }), peer);
    if (payload.length < 512) return text;
  }
}

test(`${FUZZ_INPUTS} datagrams: the server answers with TFTP or nothing, and ends with nothing open`, async () => {
  const random = seededRandom(FUZZ_SEED);
  const segment = new TftpTestSegment();
  const clock = new ManualClock();
  const server = await startTftpServer({
    segment,
    clock,
    httpPort: 5248,
    bootLog: () => {},
    files: { find: async (path) => (path.includes('boot') ? bufferFile(CONTENT) : null) },
    maxTransfers: MAX_TRANSFERS,
  });
  const heap = new HeapWatch(FUZZ_INPUTS);
  const escaped = await escapedFrom(async () => {
    for (let i = 0; i < FUZZ_INPUTS; i++) {
      const ports = segment.openPorts;
      const peer = { address: ipv4(`10.77.0.${random.int(2, 9)}`), port: random.int(1000, 1003) };
      // Mostly new requests; some land on transfers under way.
      const port = random.int(0, 3) === 0 ? (ports[random.int(0, ports.length - 1)] ?? 69) : 69;
      const data = random.int(0, 4) === 0 ? Uint8Array.of(0, 4, 0, random.int(0, 12)) : packet(random);
      segment.deliver(port, data, peer);
      if (i % 50 === 0) {
        await answer(segment, random);
        clock.advance(random.int(0, 3000));
        if (server.transfers().length > MAX_TRANSFERS) throw new Error(`input ${i}: too many transfers`);
      }
      heap.after(i);
    }
    await segment.drain();
    clock.advance(600_000);
    await segment.drain();
  });
  expect(escaped).toEqual([]);
  expect(heap.grownBytes).toBeLessThan(GROWTH_BYTES);
  const { counters } = server;
  for (const name of [
    'done',
    'missing',
    'refused',
    'malformed',
    'strangers',
    'timeouts',
    'overLimit',
  ] as const)
    expect(counters[name], name).toBeGreaterThan(0);
  expect(server.transfers()).toEqual([]);
  expect(segment.openPorts).toEqual([69]);
  expect(await download(segment, 'boot-kernel')).toBe(CONTENT);
  await server.dispose();
  expect(segment.openPorts).toEqual([]);
  expect(clock.pending).toBe(0);
});
