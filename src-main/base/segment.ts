import type { Duplex } from 'node:stream';
import type { Cidr, Ipv4, Mac } from './address.ts';
import type { Disposable } from './disposable.ts';

/**
 * An Ethernet network that the controller serves. What is behind it (the lab's switch or a real NIC)
 * is unknown to those who use it: both implementations pass `segment.suite.ts`.
 */
export interface Segment {
  /** For people: "lab", "enp3s0". */
  readonly name: string;
  readonly cidr: Cidr;
  /** The controller's own address on this network. */
  readonly address: Ipv4;
  /** Opens a UDP port. Rejects with PORT_IN_USE when somebody has it. */
  udp(port: number): Promise<UdpEndpoint>;
  /** Accepts TCP connections on a port. Rejects with PORT_IN_USE when somebody has it. */
  tcp(port: number, onConnection: (connection: SegmentConnection) => void): Promise<Disposable>;
  /**
   * Asks the network who uses `address` (ARP, or an echo request where ARP is out of reach).
   * Resolves to true when anybody answers within `timeoutMs`; RFC 2131 §3.1 step 2, RFC 5227.
   */
  probe(address: Ipv4, timeoutMs: number): Promise<boolean>;
}

/** One datagram as it arrived. */
export interface Datagram {
  readonly data: Uint8Array;
  readonly from: Peer;
  /** The address it was sent to, where that is known: a unicast or a broadcast address. */
  readonly to?: Ipv4;
}

export interface Peer {
  readonly address: Ipv4;
  readonly port: number;
  /** The sender's hardware address, where the segment can see it. */
  readonly mac?: Mac;
}

export interface UdpEndpoint extends Disposable {
  readonly port: number;
  /** Sets the one receiver. `data` is only valid during the call: copy what must last. */
  onDatagram(receiver: (datagram: Datagram) => void): void;
  /**
   * Sends to `to.address`, 255.255.255.255 included. With `to.mac` no ARP is done: a DHCP client
   * without an address can't answer one (RFC 2131 §4.1). A segment that can't do that broadcasts.
   */
  send(data: Uint8Array, to: Peer): void;
}

/** A TCP connection; Node's `http` serves it by `server.emit('connection', it)`. */
export interface SegmentConnection extends Duplex {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}
