import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ackedBlock, decodeTftp, encodeTftp, TFTP_ERROR, type TftpPacket } from './tftp.ts';

const bytesOf = (...parts: (number | string)[]) =>
  Uint8Array.from(
    parts.flatMap((part) => (typeof part === 'number' ? [part] : [...Buffer.from(part, 'latin1')])),
  );

describe('decoding', () => {
  test('a read request with options in any case', () => {
    expect(decodeTftp(bytesOf(0, 1, 'bootx64.efi\0OCTET\0TSIZE\x000\0BlkSize\x001468\0'))).toEqual({
      type: 'rrq',
      filename: 'bootx64.efi',
      mode: 'octet',
      options: [
        ['tsize', '0'],
        ['blksize', '1468'],
      ],
    });
  });

  test('a request whose last string lacks its NUL', () => {
    expect(decodeTftp(bytesOf(0, 1, 'a\0octet'))).toMatchObject({ filename: 'a', mode: 'octet' });
  });

  test.each([
    ['nothing', bytesOf()],
    ['one byte', bytesOf(0)],
    ['an unknown opcode', bytesOf(0, 9, 0, 0)],
    ['a request without a name', bytesOf(0, 1, 0, 'octet\0')],
    ['a request without a mode', bytesOf(0, 1, 'a\0')],
    ['a short ACK', bytesOf(0, 4, 0)],
    ['a short DATA', bytesOf(0, 3, 0)],
    ['a short ERROR', bytesOf(0, 5, 0)],
  ])('%s is not a packet', (_, bytes) => expect(decodeTftp(bytes)).toBeNull());

  test('an error without a message', () => {
    expect(decodeTftp(bytesOf(0, 5, 0, 8))).toEqual({
      type: 'error',
      code: TFTP_ERROR.optionsRefused,
      message: '',
    });
  });

  test('an odd string after the options is dropped', () => {
    expect(decodeTftp(bytesOf(0, 6, 'tsize\x007\0pad\0'))).toEqual({
      type: 'oack',
      options: [['tsize', '7']],
    });
  });
});

test('ackedBlock reads what decodeTftp reads', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 8 }), (bytes) => {
      const packet = decodeTftp(bytes);
      expect(ackedBlock(bytes)).toBe(packet?.type === 'ack' ? packet.block : -1);
    }),
  );
});

const text = (min: number) =>
  fc
    .array(fc.integer({ min: 1, max: 255 }), { minLength: min, maxLength: 40 })
    .map((c) => String.fromCharCode(...c));
const lower = (min: number) =>
  fc.array(fc.constantFrom(...'abcz0189-_'), { minLength: min, maxLength: 12 }).map((c) => c.join(''));
const options = fc.array(fc.tuple(lower(1), text(0)), { maxLength: 6 });
const u16 = fc.integer({ min: 0, max: 0xffff });
const packets: fc.Arbitrary<TftpPacket> = fc.oneof(
  fc.record({
    type: fc.constantFrom('rrq' as const, 'wrq' as const),
    filename: text(1),
    mode: lower(0),
    options,
  }),
  fc.record({ type: fc.constant('data' as const), block: u16, payload: fc.uint8Array({ maxLength: 600 }) }),
  fc.record({ type: fc.constant('ack' as const), block: u16 }),
  fc.record({ type: fc.constant('error' as const), code: u16, message: text(0) }),
  fc.record({ type: fc.constant('oack' as const), options }),
);

test('every packet survives encoding and decoding', () => {
  fc.assert(
    fc.property(packets, (packet) => {
      expect(decodeTftp(encodeTftp(packet))).toEqual(packet);
    }),
  );
});

test('decoding never throws', () => {
  const likely = fc
    .tuple(fc.integer({ min: 0, max: 7 }), fc.uint8Array({ maxLength: 80 }))
    .map(([opcode, rest]) => Uint8Array.of(0, opcode, ...rest));
  fc.assert(fc.property(fc.oneof(likely, fc.uint8Array()), (bytes) => void decodeTftp(bytes)));
});
