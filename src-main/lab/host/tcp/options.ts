import type { Ipv4 } from '../../../base/address.ts';
import { rackboxError } from '../../../base/error-catalogue.ts';

/** What is known of the way to one peer. */
export interface LinkProfile {
  /**
   * Cap on unacknowledged bytes: what the slowest queue on the way holds. A loopback UDP cable drops bursts
   * past 64 KB, the NE2000 of an emulated PC past 8 frames (11,680 bytes).
   */
  readonly maxInFlightBytes: number;
  /**
   * Segments seen behind a hole before it is taken for a loss (RFC 5681 §3.2 says 3). 1 where nothing reorders:
   * Linux merges what it receives (GRO), so a hole yields a single duplicate ACK however many segments follow.
   */
  readonly dupThreshold: number;
  /** Least retransmission timeout. RFC 6298 §2.4 says 1 s, Linux 200 ms; a PC emulated on a busy machine needs 1 s. */
  readonly minRtoMs: number;
}

export const DEFAULT_LINK_PROFILE: LinkProfile = {
  maxInFlightBytes: Number.POSITIVE_INFINITY,
  dupThreshold: 3,
  minRtoMs: 200,
};

export interface TcpStackOptions {
  /** Asked once for each connection; what it leaves out is as in {@link DEFAULT_LINK_PROFILE}. */
  readonly linkProfile: (peer: Ipv4) => Partial<LinkProfile>;
  readonly maxConnections: number;
  /** SYNs answered but not yet acknowledged; beyond it the oldest is forgotten. */
  readonly maxHalfOpen: number;
  /** Per connection. */
  readonly receiveBufferBytes: number;
  /** Per connection; allocated as it is needed. */
  readonly sendBufferBytes: number;
  /** RFC 9293 §3.4.2 says 4 minutes; on a lab nothing lives that long. */
  readonly timeWaitMs: number;
  /** An active open without an answer fails after this. */
  readonly connectTimeoutMs: number;
  /** A connection whose data nobody acknowledges fails after this (R2 of RFC 9293 §3.8.3). */
  readonly giveUpMs: number;
  /** Between retransmissions of one segment at most: a cable that is mended works again this soon. */
  readonly maxRtoMs: number;
  /** A connection that the application closed waits this long for the peer's FIN. */
  readonly finWaitMs: number;
}

const DEFAULTS: TcpStackOptions = {
  linkProfile: () => DEFAULT_LINK_PROFILE,
  maxConnections: 4096,
  maxHalfOpen: 512,
  receiveBufferBytes: 512 << 10,
  sendBufferBytes: 512 << 10,
  timeWaitMs: 4000,
  connectTimeoutMs: 30_000,
  giveUpMs: 120_000,
  maxRtoMs: 8000,
  finWaitMs: 30_000,
};

const MIN_BUFFER = 4 << 10;
const MAX_BUFFER = 16 << 20;

/** Fills in the defaults. Throws BAD_ARGUMENT on a buffer size that cannot work. */
export function completeOptions(options: Partial<TcpStackOptions>): TcpStackOptions {
  const all = { ...DEFAULTS, ...options };
  for (const name of ['receiveBufferBytes', 'sendBufferBytes'] as const)
    if (!(all[name] >= MIN_BUFFER && all[name] <= MAX_BUFFER))
      throw rackboxError('BAD_ARGUMENT', {
        what: name,
        problem: `${all[name]} is out of range`,
        hint: `Choose ${MIN_BUFFER} to ${MAX_BUFFER} bytes.`,
      });
  return all;
}
