import { type Ipv4, type Mac, readMac, writeMac } from '../base/address.ts';
import { readU16, readU32, writeU16, writeU32 } from './octets.ts';

/** ARP for IPv4 over Ethernet, RFC 826. */

export const ARP_BYTES = 28;

export type ArpOperation = 'request' | 'reply';

export interface ArpPacket {
  readonly operation: ArpOperation;
  readonly senderMac: Mac;
  /** 0.0.0.0 in a probe, RFC 5227 §2.1.1. */
  readonly senderIp: Ipv4;
  /** Meaningless in a request. */
  readonly targetMac: Mac;
  readonly targetIp: Ipv4;
}

const HARDWARE_ETHERNET = 1;
const PROTOCOL_IPV4 = 0x0800;
const OPERATIONS: Readonly<Record<ArpOperation, number>> = { request: 1, reply: 2 };

/** Null for anything but a request or reply for IPv4 over Ethernet. */
export function decodeArp(bytes: Uint8Array, offset = 0): ArpPacket | null {
  if (bytes.length - offset < ARP_BYTES) return null;
  if (readU16(bytes, offset) !== HARDWARE_ETHERNET || readU16(bytes, offset + 2) !== PROTOCOL_IPV4)
    return null;
  if (bytes[offset + 4] !== 6 || bytes[offset + 5] !== 4) return null;
  const code = readU16(bytes, offset + 6);
  if (code !== OPERATIONS.request && code !== OPERATIONS.reply) return null;
  return {
    operation: code === OPERATIONS.request ? 'request' : 'reply',
    senderMac: readMac(bytes, offset + 8),
    senderIp: readU32(bytes, offset + 14) as Ipv4,
    targetMac: readMac(bytes, offset + 18),
    targetIp: readU32(bytes, offset + 24) as Ipv4,
  };
}

/** Writes 28 bytes at `offset`. */
export function writeArp(bytes: Uint8Array, offset: number, packet: ArpPacket): void {
  writeU16(bytes, offset, HARDWARE_ETHERNET);
  writeU16(bytes, offset + 2, PROTOCOL_IPV4);
  bytes[offset + 4] = 6;
  bytes[offset + 5] = 4;
  writeU16(bytes, offset + 6, OPERATIONS[packet.operation]);
  writeMac(bytes, offset + 8, packet.senderMac);
  writeU32(bytes, offset + 14, packet.senderIp);
  writeMac(bytes, offset + 18, packet.targetMac);
  writeU32(bytes, offset + 24, packet.targetIp);
}
