import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipv4 } from '../base/address.ts';
import { foldChecksum, internetChecksum, pseudoHeaderSum, sumWords } from './checksum.ts';

/** The definition of RFC 1071 §1, word by word. */
function slowChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += (bytes[i] ?? 0) * 256 + (bytes[i + 1] ?? 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return 0xffff - sum;
}

describe('the Internet checksum', () => {
  it('is that of the example of RFC 1071 §3', () => {
    const bytes = Uint8Array.from([0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
    expect(internetChecksum(bytes, 0, 8)).toBe(~0xddf2 & 0xffff);
  });

  it('agrees with its definition on any bytes and any range', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(8), (bytes, skip) => {
        const start = Math.min(skip, bytes.length);
        // 0 and 0xffff are the same number in one's complement; only an all-zero block yields the latter.
        expect(internetChecksum(bytes, start, bytes.length) % 0xffff).toBe(
          slowChecksum(bytes.subarray(start)) % 0xffff,
        );
      }),
    );
  });

  it('folds to zero when the field holds it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 2, maxLength: 1480 }), (bytes) => {
        bytes[0] = 0;
        bytes[1] = 0;
        const sum = internetChecksum(
          bytes,
          0,
          bytes.length,
          pseudoHeaderSum(ipv4('10.0.0.1'), ipv4('255.1.2.3'), 6, 9),
        );
        bytes[0] = sum >> 8;
        bytes[1] = sum & 255;
        expect(
          internetChecksum(
            bytes,
            0,
            bytes.length,
            pseudoHeaderSum(ipv4('10.0.0.1'), ipv4('255.1.2.3'), 6, 9),
          ),
        ).toBe(0);
      }),
    );
  });

  it('stays exact for the largest packet', () => {
    const bytes = new Uint8Array(65535).fill(0xff);
    expect(foldChecksum(sumWords(bytes, 0, 65534))).toBe(0);
  });
});
