import type { Ipv4 } from '../base/address.ts';

/**
 * The Internet checksum (RFC 1071) in two steps: add up words with {@link sumWords} and {@link pseudoHeaderSum},
 * then {@link foldChecksum}. A block whose checksum field is right folds to 0.
 */

/**
 * Adds the big-endian 16-bit words of `bytes[start, end)` to `initial`; an odd last byte counts as a high byte.
 * The sum is not folded: it stays an exact integer for any packet.
 */
export function sumWords(bytes: Uint8Array, start: number, end: number, initial = 0): number {
  let sum = 0;
  let i = start;
  // Eight bytes a turn: this loop is the largest cost of a data segment, and V8 does not unroll it.
  for (const last = end - 7; i < last; i += 8) {
    sum +=
      (((bytes[i] as number) +
        (bytes[i + 2] as number) +
        (bytes[i + 4] as number) +
        (bytes[i + 6] as number)) <<
        8) +
      (bytes[i + 1] as number) +
      (bytes[i + 3] as number) +
      (bytes[i + 5] as number) +
      (bytes[i + 7] as number);
  }
  for (; i < end - 1; i += 2) sum += ((bytes[i] as number) << 8) | (bytes[i + 1] as number);
  if (i < end) sum += (bytes[i] as number) << 8;
  return initial + sum;
}

/** The sum of the pseudo header that UDP and TCP prepend (RFC 768, RFC 9293 §3.1). `length` is header plus data. */
export function pseudoHeaderSum(from: Ipv4, to: Ipv4, protocol: number, length: number): number {
  return (from >>> 16) + (from & 0xffff) + (to >>> 16) + (to & 0xffff) + protocol + length;
}

/** Folds a sum to 16 bits and complements it: the value for the checksum field, or 0 when checking a good block. */
export function foldChecksum(sum: number): number {
  let rest = sum;
  while (rest > 0xffff) rest = (rest % 0x10000) + Math.floor(rest / 0x10000);
  return ~rest & 0xffff;
}

/** The checksum of `bytes[start, end)`; `initial` is a pseudo header's sum, where the protocol has one. */
export function internetChecksum(bytes: Uint8Array, start: number, end: number, initial = 0): number {
  return foldChecksum(sumWords(bytes, start, end, initial));
}
