import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mac } from '../base/address.ts';
import { internetChecksum } from './checksum.ts';
import { decodeRouterSolicitation, encodeEmptyRouterAdvertisement } from './router-advertisement.ts';

/** As iPXE sends it: link-local source, to all routers, with its link-layer address as an option. */
const SOLICITATION = Uint8Array.from(
  Buffer.from(
    '60000000' +
      '00103aff' +
      'fe80000000000000505400fffe123456' +
      'ff020000000000000000000000000002' +
      '8500' +
      '0000' +
      '00000000' +
      '0101' +
      '525400123456',
    'hex',
  ),
);
const sum = internetChecksum(SOLICITATION, 8, SOLICITATION.length, 16 + 58);
SOLICITATION.set([sum >> 8, sum & 255], 42);

const ROUTER = mac('52:54:00:77:00:01');
const CLIENT = mac('52:54:00:12:34:56');

describe('the empty Router Advertisement', () => {
  it('recognises a solicitation and who asks', () => {
    const from = decodeRouterSolicitation(SOLICITATION);
    expect(Buffer.from(from ?? []).toString('hex')).toBe('fe80000000000000505400fffe123456');
  });

  it('refuses any flipped bit that matters, and what is cut short', () => {
    fc.assert(
      fc.property(fc.integer({ min: 4, max: SOLICITATION.length - 1 }), fc.nat(7), (at, bit) => {
        const bytes = Uint8Array.from(SOLICITATION);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
        expect(decodeRouterSolicitation(bytes)).toBe(null);
      }),
    );
    for (let length = 0; length < SOLICITATION.length; length++)
      expect(decodeRouterSolicitation(SOLICITATION.subarray(0, length))).toBe(null);
  });

  it('takes any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => void decodeRouterSolicitation(bytes)),
    );
  });

  it('promises nothing: lifetime 0, no flags, no prefix; right checksum; to who asked', () => {
    const from = decodeRouterSolicitation(SOLICITATION) ?? new Uint8Array();
    const frame = encodeEmptyRouterAdvertisement(ROUTER, CLIENT, from);
    expect(Buffer.from(frame.subarray(0, 14)).toString('hex')).toBe('52540012345652540077000186dd');
    const packet = frame.subarray(14);
    expect(packet.length).toBe(40 + 16);
    expect(Buffer.from(packet.subarray(8, 24)).toString('hex')).toBe('fe80000000000000505400fffe770001');
    expect(packet.subarray(24, 40)).toEqual(from);
    expect([...packet.subarray(40, 42), ...packet.subarray(44, 56)]).toEqual([
      134, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ]);
    expect(internetChecksum(packet, 8, 56, 16 + 58)).toBe(0);
  });

  it('goes to all nodes when the asker has no address yet', () => {
    const frame = encodeEmptyRouterAdvertisement(ROUTER, CLIENT, new Uint8Array(16));
    expect(Buffer.from(frame.subarray(0, 6)).toString('hex')).toBe('333300000001');
    expect(frame[14 + 24]).toBe(0xff);
  });
});
