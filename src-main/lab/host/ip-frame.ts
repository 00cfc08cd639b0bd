import type { Ipv4, Mac } from '../../base/address.ts';
import {
  ETHERNET_HEADER_BYTES,
  ETHERNET_MIN_FRAME_BYTES,
  ETHERTYPE_IPV4,
  writeEthernetHeader,
} from '../../protocol/ethernet.ts';
import { DEFAULT_TTL, IPV4_HEADER_BYTES, writeIpv4Header } from '../../protocol/ipv4.ts';

/** Where the IP payload starts in a frame without a VLAN tag. */
export const IP_PAYLOAD_OFFSET = ETHERNET_HEADER_BYTES + IPV4_HEADER_BYTES;

const UNKNOWN_MAC = 0 as Mac;

/** A frame for an IP payload of `length` bytes. Only the padding is cleared: who asks fills the rest. */
export function newIpFrame(length: number): Uint8Array {
  const end = IP_PAYLOAD_OFFSET + length;
  if (end >= ETHERNET_MIN_FRAME_BYTES) return Buffer.allocUnsafe(end);
  const frame = Buffer.allocUnsafe(ETHERNET_MIN_FRAME_BYTES);
  frame.fill(0, end);
  return frame;
}

/** What goes into the headers in front of one payload. */
export interface IpFrameFields {
  readonly sourceMac: Mac;
  readonly source: Ipv4;
  readonly destination: Ipv4;
  readonly protocol: number;
  readonly identification: number;
  readonly dontFragment: boolean;
  readonly moreFragments: boolean;
  readonly fragmentOffset: number;
}

/** Writes both headers; the destination's hardware address is left for whoever resolves it. */
export function writeIpFrameHeaders(frame: Uint8Array, fields: IpFrameFields, payloadLength: number): void {
  writeEthernetHeader(frame, {
    destination: UNKNOWN_MAC,
    source: fields.sourceMac,
    etherType: ETHERTYPE_IPV4,
    vlan: null,
  });
  const { source, destination, protocol, identification, dontFragment, moreFragments, fragmentOffset } =
    fields;
  writeIpv4Header(
    frame,
    ETHERNET_HEADER_BYTES,
    {
      source,
      destination,
      protocol,
      ttl: DEFAULT_TTL,
      identification,
      dontFragment,
      moreFragments,
      fragmentOffset,
    },
    payloadLength,
  );
}
