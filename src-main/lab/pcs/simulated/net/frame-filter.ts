import type { Ipv4, Mac } from '../../../../base/address.ts';
import { readMac } from '../../../../base/address.ts';
import { DHCP_CLIENT_PORT } from '../../../../protocol/dhcp.ts';
import { ETHERTYPE_ARP, ETHERTYPE_IPV4 } from '../../../../protocol/ethernet.ts';
import { PROTOCOL_UDP } from '../../../../protocol/ipv4.ts';

/** Offsets in an untagged frame whose IPv4 header has no options, as all that we look into. */
const ETHERTYPE = 12;
const IPV4_VERSION = 14;
const IPV4_PROTOCOL = 23;
const UDP_DESTINATION = 36;
const DHCP_CHADDR = 70;
const ARP_SENDER = 28;
const ARP_TARGET = 38;
const PLAIN_IPV4 = 0x45;

/** Who takes the frames in. */
export interface FrameOwner {
  readonly mac: Mac;
  readonly address: Ipv4;
  /** Whether it talks with this neighbour. */
  knows(address: Ipv4): boolean;
}

/**
 * Whether a frame can mean anything to its receiver. A thousand PCs hear each other's every broadcast; all that a
 * stack would look at and drop (questions to others, answers to others) is dropped here without a copy.
 */
export function concerns(frame: Uint8Array, owner: FrameOwner): boolean {
  if (((frame[0] ?? 0) & 1) === 0) return readMac(frame, 0) === owner.mac;
  const etherType = u16(frame, ETHERTYPE);
  if (etherType === ETHERTYPE_ARP) {
    if (u32(frame, ARP_TARGET) === owner.address) return true;
    const sender = u32(frame, ARP_SENDER) as Ipv4;
    return sender === owner.address || owner.knows(sender);
  }
  if (etherType !== ETHERTYPE_IPV4) return false;
  if (frame[IPV4_VERSION] !== PLAIN_IPV4 || frame[IPV4_PROTOCOL] !== PROTOCOL_UDP) return true;
  return u16(frame, UDP_DESTINATION) === DHCP_CLIENT_PORT && readMac(frame, DHCP_CHADDR) === owner.mac;
}

function u16(frame: Uint8Array, at: number): number {
  return ((frame[at] ?? 0) << 8) | (frame[at + 1] ?? 0);
}

function u32(frame: Uint8Array, at: number): number {
  return ((u16(frame, at) << 16) | u16(frame, at + 2)) >>> 0;
}
