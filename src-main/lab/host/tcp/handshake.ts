import {
  NO_TCP_OPTIONS,
  TCP_DEFAULT_MSS,
  TCP_HEADER_BYTES,
  type TcpOptions,
  type TcpSegment,
} from '../../../protocol/tcp.ts';

/** What both SYNs agreed on. */
export interface Handshake {
  /** Our initial sequence number. */
  readonly iss: number;
  /** The peer's. */
  readonly irs: number;
  /** Largest data of a segment to the peer. */
  readonly mss: number;
  /** Shift count of the windows we offer, and of those we get; both 0 unless both sides have the option. */
  readonly offeredScale: number;
  readonly receivedScale: number;
  readonly sackUsed: boolean;
  /** The peer's first window, bytes (never scaled, RFC 7323 §2.2). */
  readonly window: number;
  /** Null when one of the SYNs had to be repeated. */
  readonly rttMs: number | null;
}

/** A peer that asks for smaller segments than this would make us drown it in headers; Linux has the same limit. */
const MIN_MSS = 88;

/** The shift count that lets a window of `bytes` be told. */
function scaleFor(bytes: number): number {
  let scale = 0;
  while (bytes / 2 ** scale > 0xffff) scale++;
  return scale;
}

/** The options of a SYN, or of its answer: there only what the peer offered (RFC 7323 §1.3, RFC 2018 §2). */
export function synOptions(maxPayload: number, receiveBytes: number, offered?: TcpOptions): TcpOptions {
  return {
    ...NO_TCP_OPTIONS,
    mss: maxPayload - TCP_HEADER_BYTES,
    windowScale: offered && offered.windowScale === null ? null : scaleFor(receiveBytes),
    sackPermitted: offered?.sackPermitted ?? true,
  };
}

/** Reads the peer's SYN beside ours. */
export function agree(iss: number, ours: TcpOptions, syn: TcpSegment, rttMs: number | null): Handshake {
  const theirs = syn.options;
  const scaled = ours.windowScale !== null && theirs.windowScale !== null;
  const largest = ours.mss ?? TCP_DEFAULT_MSS;
  return {
    iss,
    irs: syn.sequence,
    mss: Math.max(MIN_MSS, Math.min(theirs.mss ?? TCP_DEFAULT_MSS, largest)),
    offeredScale: scaled ? (ours.windowScale ?? 0) : 0,
    receivedScale: scaled ? (theirs.windowScale ?? 0) : 0,
    sackUsed: ours.sackPermitted && theirs.sackPermitted,
    window: syn.window,
    rttMs,
  };
}
