/** TCP segments: header and options, RFC 9293 §3.1. Checksums are the caller's: see `checksum.ts`. */

export const TCP_PROTOCOL = 6;
/** Without options. */
export const TCP_HEADER_BYTES = 20;
/** What a peer that does not say can take, RFC 9293 §3.7.1. */
export const TCP_DEFAULT_MSS = 536;
/** The largest shift count, RFC 7323 §2.3. */
const TCP_MAX_WINDOW_SCALE = 14;
/** As many fit into the option space, RFC 2018 §3. */
export const TCP_MAX_SACK_BLOCKS = 4;

export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;

/** Where the checksum stands in the header. */
export const TCP_CHECKSUM_OFFSET = 16;

/** A run of sequence numbers that arrived, right edge excluded (RFC 2018 §3). */
export interface SackBlock {
  readonly left: number;
  readonly right: number;
}

/** What the options said; null or empty where one was absent or malformed. */
export interface TcpOptions {
  /** RFC 9293 §3.7.1. */
  readonly mss: number | null;
  /** Shift count, RFC 7323 §2; at most 14. */
  readonly windowScale: number | null;
  readonly sackPermitted: boolean;
  readonly sack: readonly SackBlock[];
  /** RFC 7323 §3. */
  readonly timestamps: { readonly value: number; readonly echo: number } | null;
}

/** One segment's header. Sequence numbers are unsigned 32-bit; `window` is as on the wire, unscaled. */
export interface TcpHeader {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgment: number;
  /** {@link FIN}, {@link SYN}, … or-ed; the reserved and ECN bits are left out. */
  readonly flags: number;
  readonly window: number;
  readonly options: TcpOptions;
}

/** A decoded header; the data are the bytes from `headerLength` on. */
export interface TcpSegment extends TcpHeader {
  readonly headerLength: number;
}

export const NO_TCP_OPTIONS: TcpOptions = {
  mss: null,
  windowScale: null,
  sackPermitted: false,
  sack: [],
  timestamps: null,
};

const KIND_END = 0;
const KIND_NOP = 1;
const KIND_MSS = 2;
const KIND_WINDOW_SCALE = 3;
const KIND_SACK_PERMITTED = 4;
const KIND_SACK = 5;
const KIND_TIMESTAMPS = 8;

/** Reads the header of the segment that fills `bytes`; null when it is cut short or its length field is wrong. */
export function decodeTcp(bytes: Uint8Array): TcpSegment | null {
  if (bytes.length < TCP_HEADER_BYTES) return null;
  const headerLength = ((bytes[12] as number) >> 4) * 4;
  if (headerLength < TCP_HEADER_BYTES || headerLength > bytes.length) return null;
  return {
    sourcePort: u16(bytes, 0),
    destinationPort: u16(bytes, 2),
    sequence: u32(bytes, 4),
    acknowledgment: u32(bytes, 8),
    flags: (bytes[13] as number) & 0x3f,
    window: u16(bytes, 14),
    options: headerLength === TCP_HEADER_BYTES ? NO_TCP_OPTIONS : decodeTcpOptions(bytes, headerLength),
    headerLength,
  };
}

/** Reads the options up to `end`. Unknown ones are skipped; at a malformed length the rest is ignored. */
function decodeTcpOptions(bytes: Uint8Array, end: number): TcpOptions {
  const found = { ...NO_TCP_OPTIONS };
  for (let at = TCP_HEADER_BYTES; at < end; ) {
    const kind = bytes[at] as number;
    if (kind === KIND_END) break;
    if (kind === KIND_NOP) {
      at++;
      continue;
    }
    const length = at + 1 < end ? (bytes[at + 1] as number) : 0;
    if (length < 2 || at + length > end) break;
    if (kind === KIND_MSS && length === 4) found.mss = u16(bytes, at + 2);
    // RFC 7323 §2.3: a larger shift count is used as 14.
    else if (kind === KIND_WINDOW_SCALE && length === 3)
      found.windowScale = Math.min(bytes[at + 2] as number, TCP_MAX_WINDOW_SCALE);
    else if (kind === KIND_SACK_PERMITTED && length === 2) found.sackPermitted = true;
    else if (kind === KIND_SACK && length % 8 === 2) found.sack = decodeSack(bytes, at + 2, at + length);
    else if (kind === KIND_TIMESTAMPS && length === 10)
      found.timestamps = { value: u32(bytes, at + 2), echo: u32(bytes, at + 6) };
    at += length;
  }
  return found;
}

function decodeSack(bytes: Uint8Array, start: number, end: number): SackBlock[] {
  const blocks: SackBlock[] = [];
  for (let at = start; at < end; at += 8) blocks.push({ left: u32(bytes, at), right: u32(bytes, at + 4) });
  return blocks;
}

/** The header's size with these options, a multiple of four. At most {@link TCP_MAX_SACK_BLOCKS} blocks are counted. */
export function tcpHeaderLength(options: TcpOptions): number {
  if (options === NO_TCP_OPTIONS) return TCP_HEADER_BYTES;
  const blocks = Math.min(options.sack.length, TCP_MAX_SACK_BLOCKS);
  return (
    TCP_HEADER_BYTES +
    (options.mss === null ? 0 : 4) +
    (options.windowScale === null ? 0 : 4) +
    (options.sackPermitted ? 4 : 0) +
    (options.timestamps === null ? 0 : 12) +
    (blocks === 0 ? 0 : 4 + 8 * blocks)
  );
}

/**
 * Writes the header at `offset` and returns its length; the checksum field is left 0. Options are padded to words
 * of their own. Timestamps leave room for three SACK blocks, all three SYN options for none (40 bytes in all).
 */
export function encodeTcpHeader(target: Uint8Array, offset: number, header: TcpHeader): number {
  const length = tcpHeaderLength(header.options);
  put16(target, offset, header.sourcePort);
  put16(target, offset + 2, header.destinationPort);
  put32(target, offset + 4, header.sequence);
  put32(target, offset + 8, header.acknowledgment);
  target[offset + 12] = (length / 4) << 4;
  target[offset + 13] = header.flags;
  put16(target, offset + 14, header.window);
  put32(target, offset + 16, 0);
  if (length > TCP_HEADER_BYTES) encodeOptions(target, offset + TCP_HEADER_BYTES, header.options);
  return length;
}

function encodeOptions(target: Uint8Array, offset: number, options: TcpOptions): void {
  let at = offset;
  if (options.mss !== null) {
    put32(target, at, (KIND_MSS << 24) | (4 << 16) | options.mss);
    at += 4;
  }
  if (options.windowScale !== null) {
    put32(target, at, (KIND_NOP << 24) | (KIND_WINDOW_SCALE << 16) | (3 << 8) | options.windowScale);
    at += 4;
  }
  if (options.sackPermitted) {
    put32(target, at, (KIND_NOP << 24) | (KIND_NOP << 16) | (KIND_SACK_PERMITTED << 8) | 2);
    at += 4;
  }
  if (options.timestamps !== null) {
    put32(target, at, (KIND_NOP << 24) | (KIND_NOP << 16) | (KIND_TIMESTAMPS << 8) | 10);
    put32(target, at + 4, options.timestamps.value);
    put32(target, at + 8, options.timestamps.echo);
    at += 12;
  }
  const blocks = Math.min(options.sack.length, TCP_MAX_SACK_BLOCKS);
  if (blocks === 0) return;
  put32(target, at, (KIND_NOP << 24) | (KIND_NOP << 16) | (KIND_SACK << 8) | (2 + 8 * blocks));
  at += 4;
  for (const block of options.sack.slice(0, blocks)) {
    put32(target, at, block.left);
    put32(target, at + 4, block.right);
    at += 8;
  }
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

function u32(bytes: Uint8Array, at: number): number {
  return ((u16(bytes, at) << 16) | u16(bytes, at + 2)) >>> 0;
}

function put16(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 8;
  target[at + 1] = value;
}

function put32(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
}
