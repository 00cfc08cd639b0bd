import type { Ipv4 } from '../../base/address.ts';

/** What a transport (UDP, TCP, ICMP) needs of the IP host below it. */
export interface IpLayer {
  /** Largest IP payload, 1480 on Ethernet. */
  readonly maxPayload: number;
  /** The host's address; 0.0.0.0 before it has one. */
  readonly address: Ipv4;
  /**
   * Sends one IPv4 packet (DF set). `write` fills exactly `length` bytes at `offset` of `frame`: the packet is
   * built in place, without a copy. Resolves the next hop by ARP, holding the packet back meanwhile.
   */
  sendIp(
    protocol: number,
    to: Ipv4,
    length: number,
    write: (frame: Uint8Array, offset: number) => void,
  ): void;
}

/** A transport on the IP host: gets the packets of its protocol number, header already checked. */
export interface IpTransport {
  readonly protocol: number;
  /** `payload` is a view into the frame, valid during the call only. */
  receive(payload: Uint8Array, from: Ipv4, to: Ipv4): void;
}
