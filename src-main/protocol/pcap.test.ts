import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodePcapRecord, encodePcapHeader, encodePcapRecord, isPcapHeader } from './pcap.ts';

describe('pcap', () => {
  it('starts as tcpdump writes nanosecond files', () => {
    expect(Buffer.from(encodePcapHeader()).toString('hex')).toBe(
      '4d3cb2a1020004000000000000000000' + '0000040001000000',
    );
    expect(isPcapHeader(encodePcapHeader())).toBe(true);
    expect(isPcapHeader(new Uint8Array(24))).toBe(false);
  });

  it('keeps frames and, to a microsecond, times', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.double({ min: 0, max: 4e12, noNaN: true }),
        (frame, wallMs) => {
          const bytes = encodePcapRecord(wallMs, frame);
          const record = decodePcapRecord(bytes, 0);
          expect(Uint8Array.from(record?.frame ?? [])).toEqual(frame);
          expect(record?.end).toBe(bytes.length);
          expect(Math.abs((record?.wallMs ?? 0) - wallMs)).toBeLessThan(0.002);
          expect(decodePcapRecord(bytes.subarray(0, -1), 0)).toBe(null);
        },
      ),
    );
  });

  it('takes any bytes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 64 }),
        fc.nat(64),
        (bytes, at) => void decodePcapRecord(bytes, at),
      ),
    );
  });
});
