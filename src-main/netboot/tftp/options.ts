import type { TftpOption } from '../../protocol/tftp.ts';

/** What the network and the server allow. */
interface OptionLimits {
  /** Largest block: 1,468 fits an Ethernet frame (1,500 − IPv4 20 − UDP 8 − TFTP 4). */
  readonly maxBlockSize: number;
  readonly maxWindowSize: number;
}

/** What client and server agreed on. */
export interface Negotiated {
  readonly blockSize: number;
  /** Blocks in flight before an ACK is awaited (RFC 7440); 1 is plain TFTP. */
  readonly windowSize: number;
  /** The retransmission interval that the client demands (RFC 2349), or null when we choose. */
  readonly timeoutMs: number | null;
  /** Options to acknowledge; empty means no OACK: the first DATA answers the request. */
  readonly accepted: readonly TftpOption[];
}

const DEFAULT_BLOCK_SIZE = 512;
export const ETHERNET_BLOCK_SIZE = 1468;
export const MAX_WINDOW_SIZE = 64;

/**
 * Settles the options of a read request. Unknown options and values outside an option's range are left out of
 * the answer, which RFC 2347 defines as "not used"; the transfer goes on. The first of two equal names counts.
 */
export function negotiate(
  options: readonly TftpOption[],
  sizeBytes: number,
  { maxBlockSize, maxWindowSize }: OptionLimits,
): Negotiated {
  let blockSize = DEFAULT_BLOCK_SIZE;
  let windowSize = 1;
  let timeoutMs: number | null = null;
  const accepted: TftpOption[] = [];
  const seen = new Set<string>();

  for (const [name, value] of options) {
    if (seen.has(name)) continue;
    seen.add(name);
    const number = /^\d{1,10}$/.test(value) ? Number(value) : -1;
    switch (name) {
      case 'blksize': // RFC 2348: 8–65464; the server may answer a smaller value
        if (number < 8 || number > 65464) continue;
        blockSize = Math.min(number, maxBlockSize);
        accepted.push([name, String(blockSize)]);
        break;
      case 'tsize': // RFC 2349: sent as 0; some clients send something else and still want the size
        accepted.push([name, String(sizeBytes)]);
        break;
      case 'timeout': // RFC 2349: whole seconds, and the server may only echo or ignore it
        if (number < 1 || number > 255) continue;
        timeoutMs = number * 1000;
        accepted.push([name, value]);
        break;
      case 'windowsize': // RFC 7440: 1–65535; the server may answer a smaller value
        if (number < 1 || number > 65535) continue;
        windowSize = Math.min(number, maxWindowSize);
        accepted.push([name, String(windowSize)]);
        break;
    }
  }
  return { blockSize, windowSize, timeoutMs, accepted };
}
