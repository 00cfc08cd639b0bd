import { type Mac, writeMac } from '../base/address.ts';
import { internetChecksum } from './checksum.ts';
import { ETHERNET_HEADER_BYTES, ETHERTYPE_IPV6, writeEthernetHeader } from './ethernet.ts';
import { readU16, writeU16 } from './octets.ts';

/**
 * As much of IPv6 Neighbour Discovery (RFC 4861) as it takes to tell a client that there is no IPv6 here:
 * its Router Solicitation is answered by an advertisement of nothing.
 */

const IPV6_HEADER_BYTES = 40;
const NEXT_HEADER_ICMPV6 = 58;
const HOP_LIMIT = 255;
const ROUTER_SOLICITATION = 133;
const ROUTER_ADVERTISEMENT = 134;
const ADVERTISEMENT_BYTES = 16;
const ADDRESS_BYTES = 16;
/** What hosts on the link should use; RFC 1700's recommendation. */
const HOP_LIMIT_FOR_HOSTS = 64;
const ALL_NODES = Uint8Array.from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
/** Ethernet group of {@link ALL_NODES}, RFC 2464 §7. */
const ALL_NODES_MAC = 0x333300000001 as Mac;

/** The solicitation's source address, `::` included; null when `packet` (IPv6 header first) is none. */
export function decodeRouterSolicitation(packet: Uint8Array): Uint8Array | null {
  if (packet.length < IPV6_HEADER_BYTES + 8 || (packet[0] as number) >> 4 !== 6) return null;
  const length = readU16(packet, 4);
  const end = IPV6_HEADER_BYTES + length;
  if (length < 8 || end > packet.length) return null;
  // A hop limit of 255 proves that no router passed it on (RFC 4861 §6.1.1).
  if (packet[6] !== NEXT_HEADER_ICMPV6 || packet[7] !== HOP_LIMIT) return null;
  if (packet[40] !== ROUTER_SOLICITATION || packet[41] !== 0) return null;
  if (icmpv6Checksum(packet, length) !== 0) return null;
  return packet.subarray(8, 8 + ADDRESS_BYTES);
}

/**
 * The frame that answers a solicitation: router lifetime 0, neither "managed" nor "other" flag, no prefix.
 * `solicitor` is its IPv6 address; `::` is answered to all nodes (RFC 4861 §6.2.6).
 */
export function encodeEmptyRouterAdvertisement(
  routerMac: Mac,
  clientMac: Mac,
  solicitor: Uint8Array,
): Uint8Array {
  const frame = new Uint8Array(ETHERNET_HEADER_BYTES + IPV6_HEADER_BYTES + ADVERTISEMENT_BYTES);
  const toAll = solicitor.length !== ADDRESS_BYTES || solicitor.every((byte) => byte === 0);
  const destination = toAll ? ALL_NODES_MAC : clientMac;
  writeEthernetHeader(frame, { destination, source: routerMac, etherType: ETHERTYPE_IPV6, vlan: null });
  const packet = frame.subarray(ETHERNET_HEADER_BYTES);
  packet[0] = 0x60;
  writeU16(packet, 4, ADVERTISEMENT_BYTES);
  packet[6] = NEXT_HEADER_ICMPV6;
  packet[7] = HOP_LIMIT;
  packet.set(linkLocal(routerMac), 8);
  packet.set(toAll ? ALL_NODES : solicitor, 24);
  packet[40] = ROUTER_ADVERTISEMENT;
  packet[44] = HOP_LIMIT_FOR_HOSTS;
  writeU16(packet, 42, icmpv6Checksum(packet, ADVERTISEMENT_BYTES));
  return frame;
}

/** fe80:: with the modified EUI-64 of a MAC, RFC 4291 appendix A. */
function linkLocal(mac: Mac): Uint8Array {
  const octets = new Uint8Array(6);
  writeMac(octets, 0, mac);
  const address = new Uint8Array(ADDRESS_BYTES);
  address.set([0xfe, 0x80]);
  address.set(octets.subarray(0, 3), 8);
  address.set([0xff, 0xfe], 11);
  address.set(octets.subarray(3), 13);
  address[8] = (address[8] as number) ^ 2;
  return address;
}

/** Covers both addresses, the length, the next-header number and the message (RFC 8200 §8.1). */
function icmpv6Checksum(packet: Uint8Array, length: number): number {
  return internetChecksum(packet, 8, IPV6_HEADER_BYTES + length, length + NEXT_HEADER_ICMPV6);
}
