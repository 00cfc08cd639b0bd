import type { Ipv4 } from '../base/address.ts';

/**
 * The Internet checksum (RFC 1071) in two steps: add up words with {@link sumWords} and {@link pseudoHeaderSum},
 * then {@link foldChecksum}. A block whose checksum field is right folds to 0.
 */

/** Below this a loop over bytes beats making a view over words. */
const WORDWISE_BYTES = 64;
const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/**
 * Adds the big-endian 16-bit words of `bytes[start, end)` to `initial`; an odd last byte counts as a high byte.
 * The sum is not folded: it stays an exact integer for any packet.
 */
export function sumWords(bytes: Uint8Array, start: number, end: number, initial = 0): number {
  const address = bytes.byteOffset + start;
  if (end - start < WORDWISE_BYTES || address % 2 === 1) return sumBytewise(bytes, start, end, initial);
  // The sum is the largest cost of a data segment, so the bulk is read four bytes at a time. The carries go
  // round, so words may be added in the machine's byte order and the sum swapped after (RFC 1071 §2B).
  const aligned = start + (address % 4);
  const count = (end - aligned) >> 2;
  const inner = foldWords(new Int32Array(bytes.buffer, bytes.byteOffset + aligned, count), count);
  const outer = sumBytewise(bytes, start, aligned, initial) + sumBytewise(bytes, aligned + count * 4, end, 0);
  return outer + (LITTLE_ENDIAN ? ((inner & 0xff) << 8) | (inner >>> 8) : inner);
}

function sumBytewise(bytes: Uint8Array, start: number, end: number, initial: number): number {
  let sum = initial;
  let i = start;
  for (; i < end - 1; i += 2) sum += ((bytes[i] as number) << 8) | (bytes[i + 1] as number);
  return i < end ? sum + ((bytes[i] as number) << 8) : sum;
}

/** Both halves of each word added up and folded to 16 bits; at most 2^15 words, so that 32 bits hold the sums. */
function foldWords(words: Int32Array, count: number): number {
  let low = 0;
  let high = 0;
  let i = 0;
  // Unrolled by hand, V8 does not: this is worth a factor of two.
  for (const last = count - 3; i < last; i += 4) {
    const a = words[i] as number;
    const b = words[i + 1] as number;
    const c = words[i + 2] as number;
    const d = words[i + 3] as number;
    low = (low + (a & 0xffff) + (b & 0xffff) + (c & 0xffff) + (d & 0xffff)) | 0;
    high = (high + (a >>> 16) + (b >>> 16) + (c >>> 16) + (d >>> 16)) | 0;
  }
  for (; i < count; i++) {
    low += (words[i] as number) & 0xffff;
    high += (words[i] as number) >>> 16;
  }
  const sum = (low & 0xffff) + (low >>> 16) + (high & 0xffff) + (high >>> 16);
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
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
