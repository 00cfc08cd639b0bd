/** Capture files as libpcap, tcpdump and Wireshark read them: the classic format with nanosecond times. */

export const PCAP_HEADER_BYTES = 24;
const PCAP_RECORD_HEADER_BYTES = 16;

/** Nanosecond variant, little-endian. */
const MAGIC = 0xa1b23c4d;
const SNAP_LENGTH = 262_144;
const LINKTYPE_ETHERNET = 1;

/** What a capture file starts with. */
export function encodePcapHeader(): Uint8Array {
  const bytes = new Uint8Array(PCAP_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, SNAP_LENGTH, true);
  view.setUint32(20, LINKTYPE_ETHERNET, true);
  return bytes;
}

/** One frame as a record: its header and the bytes. `wallMs` is milliseconds since 1970, with fractions. */
export function encodePcapRecord(wallMs: number, frame: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(PCAP_RECORD_HEADER_BYTES + frame.length);
  const seconds = Math.floor(wallMs / 1000);
  bytes.writeUInt32LE(seconds, 0);
  bytes.writeUInt32LE(Math.floor((wallMs - seconds * 1000) * 1e6), 4);
  bytes.writeUInt32LE(frame.length, 8);
  bytes.writeUInt32LE(frame.length, 12);
  bytes.set(frame, PCAP_RECORD_HEADER_BYTES);
  return bytes;
}

export interface PcapRecord {
  readonly wallMs: number;
  readonly frame: Uint8Array;
  /** Where the next record starts. */
  readonly end: number;
}

/** True when `bytes` starts as {@link encodePcapHeader} writes it. */
export function isPcapHeader(bytes: Uint8Array): boolean {
  return bytes.length >= PCAP_HEADER_BYTES && encodePcapHeader().every((byte, i) => bytes[i] === byte);
}

/** The record at `offset`; null when it is not wholly there (yet) or nonsense. */
export function decodePcapRecord(bytes: Uint8Array, offset: number): PcapRecord | null {
  if (bytes.length - offset < PCAP_RECORD_HEADER_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset);
  const nanoseconds = view.getUint32(4, true);
  const length = view.getUint32(8, true);
  const start = offset + PCAP_RECORD_HEADER_BYTES;
  if (length > SNAP_LENGTH || nanoseconds >= 1e9 || start + length > bytes.length) return null;
  return {
    wallMs: view.getUint32(0, true) * 1000 + nanoseconds / 1e6,
    frame: bytes.subarray(start, start + length),
    end: start + length,
  };
}
