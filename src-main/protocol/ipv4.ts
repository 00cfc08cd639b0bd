import type { Ipv4 } from '../base/address.ts';
import { internetChecksum } from './checksum.ts';
import { readU16, readU32, writeU16, writeU32 } from './octets.ts';

/** IPv4 headers, RFC 791. Options are skipped when read and never written. */

export const IPV4_HEADER_BYTES = 20;
export const IPV4_MAX_BYTES = 0xffff;
export const DEFAULT_TTL = 64;

export const PROTOCOL_ICMP = 1;
export const PROTOCOL_UDP = 17;

const DONT_FRAGMENT = 0x4000;
const MORE_FRAGMENTS = 0x2000;
const OFFSET_MASK = 0x1fff;

export interface Ipv4Header {
  readonly source: Ipv4;
  readonly destination: Ipv4;
  readonly protocol: number;
  readonly ttl: number;
  readonly identification: number;
  readonly dontFragment: boolean;
  readonly moreFragments: boolean;
  /** Where the payload belongs in the whole datagram, in bytes. */
  readonly fragmentOffset: number;
}

/** A decoded header and where in the buffer the payload is; padding behind `payloadEnd` is not part of it. */
export interface Ipv4Packet extends Ipv4Header {
  readonly payloadStart: number;
  readonly payloadEnd: number;
}

/** Null when it is cut short, not version 4, inconsistent in its lengths, or its header checksum is wrong. */
export function decodeIpv4(bytes: Uint8Array, offset = 0): Ipv4Packet | null {
  const available = bytes.length - offset;
  if (available < IPV4_HEADER_BYTES) return null;
  const versionAndLength = bytes[offset] as number;
  const headerLength = (versionAndLength & 15) * 4;
  const totalLength = readU16(bytes, offset + 2);
  if (versionAndLength >> 4 !== 4 || headerLength < IPV4_HEADER_BYTES) return null;
  if (totalLength < headerLength || totalLength > available) return null;
  if (internetChecksum(bytes, offset, offset + headerLength) !== 0) return null;
  const flags = readU16(bytes, offset + 6);
  return {
    source: readU32(bytes, offset + 12) as Ipv4,
    destination: readU32(bytes, offset + 16) as Ipv4,
    protocol: bytes[offset + 9] as number,
    ttl: bytes[offset + 8] as number,
    identification: readU16(bytes, offset + 4),
    dontFragment: (flags & DONT_FRAGMENT) !== 0,
    moreFragments: (flags & MORE_FRAGMENTS) !== 0,
    fragmentOffset: (flags & OFFSET_MASK) * 8,
    payloadStart: offset + headerLength,
    payloadEnd: offset + totalLength,
  };
}

/** Writes a 20-byte header with its checksum at `offset`, for a payload of `payloadLength` bytes behind it. */
export function writeIpv4Header(
  bytes: Uint8Array,
  offset: number,
  header: Ipv4Header,
  payloadLength: number,
): void {
  bytes[offset] = 0x45;
  bytes[offset + 1] = 0;
  writeU16(bytes, offset + 2, IPV4_HEADER_BYTES + payloadLength);
  writeU16(bytes, offset + 4, header.identification);
  const flags = (header.dontFragment ? DONT_FRAGMENT : 0) | (header.moreFragments ? MORE_FRAGMENTS : 0);
  writeU16(bytes, offset + 6, flags | (header.fragmentOffset >> 3));
  bytes[offset + 8] = header.ttl;
  bytes[offset + 9] = header.protocol;
  writeU16(bytes, offset + 10, 0);
  writeU32(bytes, offset + 12, header.source);
  writeU32(bytes, offset + 16, header.destination);
  writeU16(bytes, offset + 10, internetChecksum(bytes, offset, offset + IPV4_HEADER_BYTES));
}
