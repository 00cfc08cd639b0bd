import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Ipv4 } from '../base/address.ts';
import { decodeUdp, type UdpFlow, writeUdp } from './udp.ts';

const flows: fc.Arbitrary<UdpFlow> = fc.record({
  source: fc.nat(0xffffffff).map((n) => n as Ipv4),
  destination: fc.nat(0xffffffff).map((n) => n as Ipv4),
  sourcePort: fc.nat(0xffff),
  destinationPort: fc.nat(0xffff),
});

describe('UDP', () => {
  it('comes back as it went, with a checksum that covers everything', () => {
    fc.assert(
      fc.property(
        flows,
        fc.uint8Array({ maxLength: 200 }),
        fc.nat(20),
        fc.nat(1000),
        (flow, data, offset, spot) => {
          const bytes = new Uint8Array(offset + 8 + data.length + 4);
          const length = writeUdp(bytes, offset, flow, data);
          const end = offset + length;
          expect(decodeUdp(bytes, offset, end + 4, flow.source, flow.destination)).toEqual({
            sourcePort: flow.sourcePort,
            destinationPort: flow.destinationPort,
            dataStart: offset + 8,
            dataEnd: end,
          });
          expect(bytes.subarray(offset + 8, end)).toEqual(data);
          const other = ((flow.source ^ 1) >>> 0) as Ipv4;
          expect(decodeUdp(bytes, offset, end, other, flow.destination)).toBe(null);
          if (data.length === 0) return;
          const at = offset + 8 + (spot % data.length);
          bytes[at] = (bytes[at] ?? 0) ^ 0x10;
          expect(decodeUdp(bytes, offset, end, flow.source, flow.destination)).toBe(null);
          bytes.set([0, 0], offset + 6);
          expect(decodeUdp(bytes, offset, end, flow.source, flow.destination)).not.toBe(null);
        },
      ),
    );
  });

  it('takes any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(10), (bytes, start) => {
        const decoded = decodeUdp(bytes, start, bytes.length, 1 as Ipv4, 2 as Ipv4);
        if (decoded) expect(decoded.dataEnd).toBeLessThanOrEqual(bytes.length);
        expect(decodeUdp(bytes, start, bytes.length + 1, 1 as Ipv4, 2 as Ipv4)).toBe(null);
      }),
    );
  });
});
