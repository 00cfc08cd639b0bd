import { type Mac, readMac, writeMac } from '../base/address.ts';

/** Ethernet II frames without the frame check sequence, IEEE 802.3 §3 and 802.1Q §9. */

export const ETHERNET_HEADER_BYTES = 14;
/** Frames shorter than this are padded on the wire; FCS not counted. */
export const ETHERNET_MIN_FRAME_BYTES = 60;
/** The largest payload of a usual frame. */
export const ETHERNET_MTU = 1500;

export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
const ETHERTYPE_VLAN = 0x8100;
export const ETHERTYPE_IPV6 = 0x86dd;

const VLAN_TAG_BYTES = 4;

export interface VlanTag {
  /** VLAN identifier; 0 means "priority only". */
  readonly id: number;
  readonly priority: number;
}

export interface EthernetHeader {
  readonly destination: Mac;
  readonly source: Mac;
  /** What the payload is; below 1536 it is a length (IEEE 802.3 §3.2.6), which nothing here speaks. */
  readonly etherType: number;
  readonly vlan: VlanTag | null;
}

/** A decoded header; the payload starts at `payloadOffset` and may end in padding. */
export interface EthernetFrame extends EthernetHeader {
  readonly payloadOffset: number;
}

/** Null when the frame is too short for its header. */
export function decodeEthernet(frame: Uint8Array): EthernetFrame | null {
  if (frame.length < ETHERNET_HEADER_BYTES) return null;
  const type = etherTypeAt(frame, 12);
  if (type !== ETHERTYPE_VLAN) return header(frame, type, null, ETHERNET_HEADER_BYTES);
  if (frame.length < ETHERNET_HEADER_BYTES + VLAN_TAG_BYTES) return null;
  const control = etherTypeAt(frame, 14);
  const vlan = { id: control & 0xfff, priority: control >> 13 };
  return header(frame, etherTypeAt(frame, 16), vlan, ETHERNET_HEADER_BYTES + VLAN_TAG_BYTES);
}

function header(
  frame: Uint8Array,
  etherType: number,
  vlan: VlanTag | null,
  payloadOffset: number,
): EthernetFrame {
  return { destination: readMac(frame, 0), source: readMac(frame, 6), etherType, vlan, payloadOffset };
}

/** Writes the header at the start of `frame` and returns its length. */
export function writeEthernetHeader(frame: Uint8Array, fields: EthernetHeader): number {
  writeMac(frame, 0, fields.destination);
  writeMac(frame, 6, fields.source);
  let offset = 12;
  if (fields.vlan) {
    writeEtherType(frame, offset, ETHERTYPE_VLAN);
    writeEtherType(frame, offset + 2, (fields.vlan.priority << 13) | fields.vlan.id);
    offset += VLAN_TAG_BYTES;
  }
  writeEtherType(frame, offset, fields.etherType);
  return offset + 2;
}

function etherTypeAt(frame: Uint8Array, offset: number): number {
  return ((frame[offset] ?? 0) << 8) | (frame[offset + 1] ?? 0);
}

function writeEtherType(frame: Uint8Array, offset: number, value: number): void {
  frame[offset] = value >> 8;
  frame[offset + 1] = value & 0xff;
}
