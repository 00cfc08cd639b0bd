import { internetChecksum } from './checksum.ts';
import { IPV4_HEADER_BYTES } from './ipv4.ts';
import { readU16, writeU16, writeU32 } from './octets.ts';

/** ICMP for IPv4, RFC 792: echo and destination unreachable. */

export const ICMP_HEADER_BYTES = 8;
/** Code of "destination unreachable" for a closed UDP port. */
export const PORT_UNREACHABLE = 3;
/** Code of "destination unreachable" for what a router may not pass on, RFC 1812 §5.2.7.1. */
export const ADMINISTRATIVELY_PROHIBITED = 13;

const ECHO_REPLY = 0;
const DESTINATION_UNREACHABLE = 3;
const ECHO_REQUEST = 8;

export interface IcmpEcho {
  readonly kind: 'echo-request' | 'echo-reply';
  readonly identifier: number;
  readonly sequence: number;
  readonly data: Uint8Array;
}

export interface IcmpUnreachable {
  readonly kind: 'unreachable';
  readonly code: number;
  /** The start of the packet that did not arrive, from its IP header on. */
  readonly original: Uint8Array;
}

export interface IcmpOther {
  readonly kind: 'other';
  readonly type: number;
  readonly code: number;
}

export type IcmpMessage = IcmpEcho | IcmpUnreachable | IcmpOther;

/** Null when it is cut short or its checksum is wrong. Byte arrays in the result are views. */
export function decodeIcmp(bytes: Uint8Array): IcmpMessage | null {
  if (bytes.length < ICMP_HEADER_BYTES || internetChecksum(bytes, 0, bytes.length) !== 0) return null;
  const type = bytes[0] as number;
  const code = bytes[1] as number;
  const rest = bytes.subarray(ICMP_HEADER_BYTES);
  if (type === DESTINATION_UNREACHABLE) return { kind: 'unreachable', code, original: rest };
  if (type !== ECHO_REQUEST && type !== ECHO_REPLY) return { kind: 'other', type, code };
  return {
    kind: type === ECHO_REQUEST ? 'echo-request' : 'echo-reply',
    identifier: readU16(bytes, 4),
    sequence: readU16(bytes, 6),
    data: rest,
  };
}

/** Writes an echo request or reply at `offset`; returns its length. */
export function writeIcmpEcho(bytes: Uint8Array, offset: number, echo: IcmpEcho): number {
  const end = offset + ICMP_HEADER_BYTES + echo.data.length;
  writeU16(bytes, offset, (echo.kind === 'echo-request' ? ECHO_REQUEST : ECHO_REPLY) << 8);
  writeU16(bytes, offset + 4, echo.identifier);
  writeU16(bytes, offset + 6, echo.sequence);
  bytes.set(echo.data, offset + ICMP_HEADER_BYTES);
  return finish(bytes, offset, end);
}

/** How much of a packet "unreachable" quotes: its header and eight bytes more, RFC 792. */
export function quoteOf(packet: Uint8Array): Uint8Array {
  const headerLength = Math.max(IPV4_HEADER_BYTES, ((packet[0] ?? 0) & 15) * 4);
  return packet.subarray(0, headerLength + 8);
}

/** Writes "destination unreachable" at `offset`; returns its length. */
export function writeIcmpUnreachable(
  bytes: Uint8Array,
  offset: number,
  code: number,
  original: Uint8Array,
): number {
  const end = offset + ICMP_HEADER_BYTES + original.length;
  writeU16(bytes, offset, (DESTINATION_UNREACHABLE << 8) | code);
  writeU32(bytes, offset + 4, 0);
  bytes.set(original, offset + ICMP_HEADER_BYTES);
  return finish(bytes, offset, end);
}

function finish(bytes: Uint8Array, offset: number, end: number): number {
  writeU16(bytes, offset + 2, 0);
  writeU16(bytes, offset + 2, internetChecksum(bytes, offset, end));
  return end - offset;
}
