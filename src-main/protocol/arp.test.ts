import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Ipv4, ipv4, type Mac, mac } from '../base/address.ts';
import { ARP_BYTES, type ArpPacket, decodeArp, writeArp } from './arp.ts';

const macs = fc.maxSafeNat().map((n) => (n % 2 ** 48) as Mac);
const addresses = fc.nat(0xffffffff).map((n) => n as Ipv4);
const packets: fc.Arbitrary<ArpPacket> = fc.record({
  operation: fc.constantFrom('request' as const, 'reply' as const),
  senderMac: macs,
  senderIp: addresses,
  targetMac: macs,
  targetIp: addresses,
});

describe('ARP', () => {
  it('comes back as it went, at any offset', () => {
    fc.assert(
      fc.property(packets, fc.nat(20), (packet, offset) => {
        const bytes = new Uint8Array(offset + ARP_BYTES);
        writeArp(bytes, offset, packet);
        expect(decodeArp(bytes, offset)).toEqual(packet);
        expect(decodeArp(bytes.subarray(0, -1), offset)).toBe(null);
      }),
    );
  });

  it('takes any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => void decodeArp(bytes)));
  });

  it('looks as in RFC 826', () => {
    const bytes = new Uint8Array(ARP_BYTES);
    writeArp(bytes, 0, {
      operation: 'request',
      senderMac: mac('52:54:00:12:34:56'),
      senderIp: ipv4('10.77.0.1'),
      targetMac: 0 as Mac,
      targetIp: ipv4('10.77.0.2'),
    });
    expect(Buffer.from(bytes).toString('hex')).toBe(
      '00010800060400015254001234560a4d00010000000000000a4d0002',
    );
  });

  it('ignores other hardware, protocols and operations', () => {
    for (const at of [0, 2, 4, 5, 6]) {
      const bytes = new Uint8Array(ARP_BYTES);
      writeArp(bytes, 0, {
        operation: 'reply',
        senderMac: 1 as Mac,
        senderIp: 1 as Ipv4,
        targetMac: 1 as Mac,
        targetIp: 1 as Ipv4,
      });
      bytes[at] = 0x77;
      expect(decodeArp(bytes)).toBe(null);
    }
  });
});
