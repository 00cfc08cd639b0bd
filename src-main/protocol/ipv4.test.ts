import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Ipv4, ipv4 } from '../base/address.ts';
import { decodeIpv4, type Ipv4Header, writeIpv4Header } from './ipv4.ts';

const headers: fc.Arbitrary<Ipv4Header> = fc.record({
  source: fc.nat(0xffffffff).map((n) => n as Ipv4),
  destination: fc.nat(0xffffffff).map((n) => n as Ipv4),
  protocol: fc.nat(255),
  ttl: fc.nat(255),
  identification: fc.nat(0xffff),
  dontFragment: fc.boolean(),
  moreFragments: fc.boolean(),
  fragmentOffset: fc.nat(0x1fff).map((n) => n * 8),
});

const PLAIN: Ipv4Header = {
  source: ipv4('10.77.0.1'),
  destination: ipv4('10.77.0.2'),
  protocol: 17,
  ttl: 64,
  identification: 7,
  dontFragment: true,
  moreFragments: false,
  fragmentOffset: 0,
};

function packet(payloadLength: number, options = 0): Uint8Array {
  const bytes = new Uint8Array(20 + payloadLength);
  writeIpv4Header(bytes, 0, PLAIN, payloadLength);
  if (options === 0) return bytes;
  // With options: one more word of NOPs, and the checksum mended by hand (RFC 1624 is overkill here).
  const longer = new Uint8Array(24 + payloadLength);
  longer.set(bytes.subarray(0, 20));
  longer.fill(1, 20, 24);
  longer[0] = 0x46;
  longer[3] = (longer[3] ?? 0) + 4;
  longer.set([0, 0], 10);
  let sum = 0;
  for (let i = 0; i < 24; i += 2) sum += ((longer[i] ?? 0) << 8) | (longer[i + 1] ?? 0);
  const folded = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
  longer.set([folded >> 8, folded & 255], 10);
  return longer;
}

describe('IPv4', () => {
  it('comes back as it went, padding left out', () => {
    fc.assert(
      fc.property(headers, fc.nat(100), fc.nat(20), fc.nat(30), (header, length, offset, padding) => {
        const bytes = new Uint8Array(offset + 20 + length + padding);
        writeIpv4Header(bytes, offset, header, length);
        expect(decodeIpv4(bytes, offset)).toEqual({
          ...header,
          payloadStart: offset + 20,
          payloadEnd: offset + 20 + length,
        });
      }),
    );
  });

  it('takes any bytes, and never points outside them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(3), (bytes, offset) => {
        const decoded = decodeIpv4(bytes, offset);
        if (decoded) expect(decoded.payloadEnd).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });

  it('notices any flipped bit of the header', () => {
    fc.assert(
      fc.property(fc.nat(19), fc.nat(7), (at, bit) => {
        const bytes = packet(8);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
        expect(decodeIpv4(bytes)).toBe(null);
      }),
    );
  });

  it('refuses what is cut short', () => {
    const bytes = packet(8);
    for (let length = 0; length < bytes.length; length++)
      expect(decodeIpv4(bytes.subarray(0, length))).toBe(null);
  });

  it('skips options', () => {
    expect(decodeIpv4(packet(8, 1))).toMatchObject({ payloadStart: 24, payloadEnd: 32, protocol: 17 });
  });
});
