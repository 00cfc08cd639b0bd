import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ACK,
  decodeTcp,
  encodeTcpHeader,
  NO_TCP_OPTIONS,
  SYN,
  TCP_HEADER_BYTES,
  type TcpHeader,
  tcpHeaderLength,
} from './tcp.ts';

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const u16 = fc.integer({ min: 0, max: 0xffff });

const options = fc.record({
  mss: fc.option(u16),
  windowScale: fc.option(fc.integer({ min: 0, max: 14 })),
  sackPermitted: fc.boolean(),
  sack: fc.array(fc.record({ left: u32, right: u32 }), { maxLength: 1 }),
  timestamps: fc.option(fc.record({ value: u32, echo: u32 })),
});

const header: fc.Arbitrary<TcpHeader> = fc.record({
  sourcePort: u16,
  destinationPort: u16,
  sequence: u32,
  acknowledgment: u32,
  flags: fc.integer({ min: 0, max: 0x3f }),
  window: u16,
  options,
});

function encode(value: TcpHeader): Uint8Array {
  const bytes = new Uint8Array(tcpHeaderLength(value.options));
  encodeTcpHeader(bytes, 0, value);
  return bytes;
}

describe('the TCP codec', () => {
  it('reads back what it wrote', () => {
    fc.assert(
      fc.property(header, (value) => {
        const bytes = encode(value);
        expect(decodeTcp(bytes)).toEqual({ ...value, headerLength: bytes.length });
      }),
    );
  });

  it('carries four SACK blocks and no more', () => {
    const sack = [1, 2, 3, 4, 5].map((n) => ({ left: n * 1000, right: n * 1000 + 500 }));
    const bytes = encode({
      sourcePort: 1,
      destinationPort: 2,
      sequence: 3,
      acknowledgment: 4,
      flags: ACK,
      window: 5,
      options: { ...NO_TCP_OPTIONS, sack },
    });
    expect(bytes.length).toBe(56);
    expect(decodeTcp(bytes)?.options.sack).toEqual(sack.slice(0, 4));
  });

  it("reads Linux's SYN", () => {
    const bytes = Buffer.from(
      '9c3e0050a1b2c3d400000000a002faf0abcd0000020405b40402080a0102030400000000 01030307'.replace(' ', ''),
      'hex',
    );
    expect(decodeTcp(bytes)).toEqual({
      sourcePort: 0x9c3e,
      destinationPort: 80,
      sequence: 0xa1b2c3d4,
      acknowledgment: 0,
      flags: SYN,
      window: 64240,
      options: {
        mss: 1460,
        windowScale: 7,
        sackPermitted: true,
        sack: [],
        timestamps: { value: 0x01020304, echo: 0 },
      },
      headerLength: 40,
    });
  });

  it('survives options with a wrong length, and keeps those before it', () => {
    const bytes = encode({
      sourcePort: 1,
      destinationPort: 2,
      sequence: 3,
      acknowledgment: 4,
      flags: SYN,
      window: 5,
      options: { ...NO_TCP_OPTIONS, mss: 1400, windowScale: 3 },
    });
    bytes[26] = 0;
    expect(decodeTcp(bytes)?.options).toEqual({ ...NO_TCP_OPTIONS, mss: 1400 });
    bytes[26] = 200;
    expect(decodeTcp(bytes)?.options).toEqual({ ...NO_TCP_OPTIONS, mss: 1400 });
  });

  it('never throws, and stays inside the segment, on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(15), (bytes, words) => {
        if (bytes.length > 12) bytes[12] = words << 4;
        const segment = decodeTcp(bytes);
        if (segment === null) return;
        expect(segment.headerLength).toBeGreaterThanOrEqual(TCP_HEADER_BYTES);
        expect(segment.headerLength).toBeLessThanOrEqual(bytes.length);
        expect(segment.options.windowScale ?? 0).toBeLessThanOrEqual(14);
      }),
      { numRuns: 1000 },
    );
  });
});
