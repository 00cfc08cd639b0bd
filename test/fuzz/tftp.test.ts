import { expect, test } from 'vitest';
import { ipv4 } from '../../src-main/base/address.ts';
import { ManualClock } from '../../src-main/base/clock.ts';
import { type Random, seededRandom } from '../../src-main/base/random.ts';
import { normalizeBootPath } from '../../src-main/netboot/files/boot-path.ts';
import { bufferFile } from '../../src-main/netboot/files/buffer-file.ts';
import { parseRange } from '../../src-main/netboot/files/byte-range.ts';
import { fileRole } from '../../src-main/netboot/files/file-role.ts';
import { requestPath } from '../../src-main/netboot/files/request-path.ts';
import { parseConfigPath } from '../../src-main/netboot/loaders/config-path.ts';
import { startTftpServer } from '../../src-main/netboot/tftp/tftp-server.ts';
import { decodeTftp, encodeTftp } from '../../src-main/protocol/tftp.ts';
import { TftpTestSegment } from '../support/tftp-test-segment.ts';

const INPUTS = Number(process.env.FUZZ_INPUTS ?? 100_000);
const SEED = Number(process.env.FUZZ_SEED ?? 1);

const WORDS = [
  ...[
    'octet',
    'netascii',
    'mail',
    'blksize',
    'tsize',
    'timeout',
    'windowsize',
    '0',
    '1',
    '8',
    '1468',
    '65464',
  ],
  ...[
    'images/',
    'boot-kernel',
    'pxelinux.cfg/',
    'default',
    'grub/',
    'grub.cfg-',
    'ipxe.cfg-',
    '01-',
    '..',
    '\\',
    '/',
  ],
  ...[
    '52:54:00:00:00:01',
    '52-54-00-00-00-01',
    '.efi',
    '%2e',
    '%',
    '-amd64',
    '\0',
    '\xff',
    'bytes=',
    '-',
    ',',
  ],
] as const;

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

test(`${INPUTS} datagrams: the server answers with TFTP or nothing, and ends with nothing open`, async () => {
  const random = seededRandom(SEED);
  const segment = new TftpTestSegment();
  const clock = new ManualClock();
  const server = await startTftpServer({
    segment,
    clock,
    httpPort: 5248,
    bootLog: () => {},
    files: { find: async (path) => (path.includes('boot') ? bufferFile('x'.repeat(5000)) : null) },
  });
  for (let i = 0; i < INPUTS; i++) {
    const ports = segment.openPorts;
    const peer = { address: ipv4(`10.77.0.${random.int(2, 9)}`), port: random.int(1000, 1003) };
    // Mostly new requests; some land on transfers under way.
    const port = random.int(0, 3) === 0 ? (ports[random.int(0, ports.length - 1)] ?? 69) : 69;
    const data = random.int(0, 4) === 0 ? Uint8Array.of(0, 4, 0, random.int(0, 12)) : packet(random);
    segment.deliver(port, data, peer);
    if (i % 50 === 0) {
      await answer(segment, random);
      clock.advance(random.int(0, 3000));
    }
  }
  await segment.drain();
  clock.advance(600_000);
  await segment.drain();
  expect(server.counters.done).toBeGreaterThan(0);
  expect(server.transfers()).toEqual([]);
  await server.dispose();
  expect(segment.openPorts).toEqual([]);
  expect(clock.pending).toBe(0);
});

test(`${INPUTS} packets and paths through every parser`, () => {
  const random = seededRandom(SEED + 1);
  for (let i = 0; i < INPUTS; i++) {
    const decoded = decodeTftp(packet(random));
    if (decoded) encodeTftp(decoded);
    const text =
      random.int(0, 3) === 0
        ? Buffer.from(random.bytes(random.int(0, 40))).toString('latin1')
        : words(random);
    const path = normalizeBootPath(requestPath(text) ?? text);
    if (path !== null) expect(path.split('/')).not.toContain('..');
    parseConfigPath(path ?? text);
    fileRole(path ?? text);
    parseRange(text, i);
  }
});
