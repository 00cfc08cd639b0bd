import type { Ipv4 } from '../base/address.ts';
import { internetChecksum, pseudoHeaderSum } from './checksum.ts';
import { PROTOCOL_UDP } from './ipv4.ts';
import { readU16, writeU16 } from './octets.ts';

/** UDP over IPv4, RFC 768. */

export const UDP_HEADER_BYTES = 8;

/** A decoded datagram and where in the buffer its data is. */
export interface UdpHeader {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly dataStart: number;
  readonly dataEnd: number;
}

/** Null when `bytes[start, end)` is cut short, its length field is wrong, or its checksum (0 = none) is. */
export function decodeUdp(
  bytes: Uint8Array,
  start: number,
  end: number,
  from: Ipv4,
  to: Ipv4,
): UdpHeader | null {
  if (end - start < UDP_HEADER_BYTES || end > bytes.length) return null;
  const length = readU16(bytes, start + 4);
  if (length < UDP_HEADER_BYTES || length > end - start) return null;
  if (readU16(bytes, start + 6) !== 0) {
    const pseudo = pseudoHeaderSum(from, to, PROTOCOL_UDP, length);
    if (internetChecksum(bytes, start, start + length, pseudo) !== 0) return null;
  }
  return {
    sourcePort: readU16(bytes, start),
    destinationPort: readU16(bytes, start + 2),
    dataStart: start + UDP_HEADER_BYTES,
    dataEnd: start + length,
  };
}

/** Who sends a datagram to whom: what its checksum covers besides the data. */
export interface UdpFlow {
  readonly source: Ipv4;
  readonly sourcePort: number;
  readonly destination: Ipv4;
  readonly destinationPort: number;
}

/** Writes header and data at `offset`, with the checksum; returns the length. */
export function writeUdp(bytes: Uint8Array, offset: number, flow: UdpFlow, data: Uint8Array): number {
  const length = UDP_HEADER_BYTES + data.length;
  writeU16(bytes, offset, flow.sourcePort);
  writeU16(bytes, offset + 2, flow.destinationPort);
  writeU16(bytes, offset + 4, length);
  writeU16(bytes, offset + 6, 0);
  bytes.set(data, offset + UDP_HEADER_BYTES);
  const pseudo = pseudoHeaderSum(flow.source, flow.destination, PROTOCOL_UDP, length);
  // 0 would mean "no checksum", so it is sent as its other form.
  writeU16(bytes, offset + 6, internetChecksum(bytes, offset, offset + length, pseudo) || 0xffff);
  return length;
}
