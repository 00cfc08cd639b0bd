import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeIcmp, type IcmpEcho, quoteOf, writeIcmpEcho, writeIcmpUnreachable } from './icmp.ts';

const echoes: fc.Arbitrary<IcmpEcho> = fc.record({
  kind: fc.constantFrom('echo-request' as const, 'echo-reply' as const),
  identifier: fc.nat(0xffff),
  sequence: fc.nat(0xffff),
  data: fc.uint8Array({ maxLength: 100 }),
});

describe('ICMP', () => {
  it('echo comes back as it went', () => {
    fc.assert(
      fc.property(echoes, fc.nat(9), (echo, offset) => {
        const bytes = new Uint8Array(offset + 8 + echo.data.length);
        expect(writeIcmpEcho(bytes, offset, echo)).toBe(8 + echo.data.length);
        expect(decodeIcmp(bytes.subarray(offset))).toEqual(echo);
      }),
    );
  });

  it('unreachable comes back as it went', () => {
    fc.assert(
      fc.property(fc.nat(15), fc.uint8Array({ minLength: 28, maxLength: 60 }), (code, packet) => {
        packet[0] = 0x45;
        const original = quoteOf(packet);
        expect(original.length).toBe(28);
        const bytes = new Uint8Array(100);
        const length = writeIcmpUnreachable(bytes, 0, code, original);
        expect(decodeIcmp(bytes.subarray(0, length))).toEqual({ kind: 'unreachable', code, original });
      }),
    );
  });

  it('takes any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void decodeIcmp(bytes)));
  });

  it('refuses damage, and names what it does not know', () => {
    const timeExceeded = Uint8Array.from([11, 0, 0xf4, 0xff, 0, 0, 0, 0]);
    expect(decodeIcmp(timeExceeded)).toEqual({ kind: 'other', type: 11, code: 0 });
    timeExceeded[7] = 1;
    expect(decodeIcmp(timeExceeded)).toBe(null);
  });
});
