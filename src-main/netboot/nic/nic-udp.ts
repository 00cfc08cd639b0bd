import { createSocket, type Socket } from 'node:dgram';
import {
  ANY_IPV4,
  BROADCAST_IPV4,
  broadcastOf,
  type Cidr,
  contains,
  formatIpv4,
  type Ipv4,
  parseIpv4,
} from '../../base/address.ts';
import type { Clock } from '../../base/clock.ts';
import type { Datagram, Peer, UdpEndpoint } from '../../base/segment.ts';

export interface NicCounters {
  /** Datagrams from outside the network: of another interface, or forged. */
  strangers: number;
  /** Datagrams that the system refused to send. */
  sendErrors: number;
}

/** What an endpoint must know of its NIC. */
export interface NicUdpOptions {
  readonly port: number;
  readonly address: Ipv4;
  readonly cidr: Cidr;
  /** Other networks that may speak to us, those of DHCP relays. */
  readonly alsoFrom: readonly Cidr[];
  readonly platform: NodeJS.Platform;
  readonly clock: Clock;
  readonly counters: NicCounters;
  readonly onClose: () => void;
}

/** Ports on which clients without an address speak: DHCP's server and client. */
const BROADCAST_PORTS: ReadonlySet<number> = new Set([67, 68]);
const BUFFER_BYTES = 4 << 20;
const MAX_NAMES = 4096;
/** How long after a datagram from an address its owner is taken to answer ARP for it. */
const REACHABLE_MS = 5000;

/**
 * Opens a UDP port of a NIC. Rejects with the system's error.
 *
 * A broadcast only reaches a socket bound to no address (Linux, macOS), while a broadcast sent from such a socket
 * leaves by the interface of the default route, somebody's home network perhaps. So DHCP's ports have two sockets:
 * one that receives on 0.0.0.0, and one bound to the NIC's address that sends everything: Linux and Windows route
 * 255.255.255.255 by that address.
 */
export async function openNicUdp(options: NicUdpOptions): Promise<UdpEndpoint> {
  const { port, address, platform } = options;
  const receivesBroadcast = BROADCAST_PORTS.has(port) && platform !== 'win32';
  const sender = await bound(port, formatIpv4(address), receivesBroadcast);
  if (!receivesBroadcast) return new NicUdpEndpoint(options, sender, sender);
  try {
    return new NicUdpEndpoint(options, await bound(port, '0.0.0.0', true), sender);
  } catch (error) {
    sender.close();
    throw error;
  }
}

class NicUdpEndpoint implements UdpEndpoint {
  readonly port: number;
  readonly #options: NicUdpOptions;
  readonly #sockets: ReadonlySet<Socket>;
  readonly #sender: Socket;
  readonly #broadcast: string;
  readonly #addresses = new Map<string, Ipv4 | null>();
  readonly #names = new Map<Ipv4, string>();
  readonly #reachableUntil = new Map<Ipv4, number>();
  #receiver: ((datagram: Datagram) => void) | null = null;
  #open = true;

  constructor(options: NicUdpOptions, receiver: Socket, sender: Socket) {
    this.#options = options;
    this.#sender = sender;
    this.#sockets = new Set([receiver, sender]);
    this.port = sender.address().port;
    // macOS sends 255.255.255.255 by the default route whatever the socket is bound to; the network's own
    // broadcast address leaves by the right interface, and firmware without an address takes it.
    const limited = options.platform === 'linux' || options.platform === 'win32';
    this.#broadcast = formatIpv4(limited ? BROADCAST_IPV4 : broadcastOf(options.cidr));
    for (const socket of this.#sockets) {
      socket.on('message', (data, from) => this.#receive(data, from.address, from.port));
      socket.on('error', () => options.counters.sendErrors++);
    }
    sender.setBroadcast(true);
  }

  onDatagram(receiver: (datagram: Datagram) => void): void {
    this.#receiver = receiver;
  }

  send(data: Uint8Array, to: Peer): void {
    // The bytes are the caller's again after this call, but Node keeps them until the system took them.
    if (this.#open) this.#sender.send(Buffer.from(data), to.port, this.#nameFor(to));
  }

  dispose(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#receiver = null;
    for (const socket of this.#sockets) socket.close();
    this.#options.onClose();
  }

  #receive(data: Uint8Array, name: string, port: number): void {
    const { cidr, alsoFrom, address: own, counters } = this.#options;
    const address = this.#addressOf(name);
    // Our own broadcast comes back on the socket that receives on every interface.
    if (address === own && port === this.port) return;
    const expected =
      address !== null &&
      (address === ANY_IPV4 ||
        contains(cidr, address) ||
        alsoFrom.some((network) => contains(network, address)));
    if (!expected) {
      counters.strangers++;
      return;
    }
    if (BROADCAST_PORTS.has(this.port) && address !== ANY_IPV4) this.#remember(address);
    this.#receiver?.({ data, from: { address, port } });
  }

  /**
   * The hardware address of `to` cannot be used without raw sockets: who may not have its address yet is reached
   * by broadcast. Who has just spoken from it has it (a client that renews, and listens to nothing else).
   */
  #nameFor(to: Peer): string {
    if (to.address === BROADCAST_IPV4) return this.#broadcast;
    if (to.mac !== undefined && (this.#reachableUntil.get(to.address) ?? 0) < this.#options.clock.now())
      return this.#broadcast;
    return remembered(this.#names, to.address, formatIpv4);
  }

  #remember(address: Ipv4): void {
    if (this.#reachableUntil.size >= MAX_NAMES) this.#reachableUntil.clear();
    this.#reachableUntil.set(address, this.#options.clock.now() + REACHABLE_MS);
  }

  #addressOf(name: string): Ipv4 | null {
    return remembered(this.#addresses, name, parseIpv4);
  }
}

/** Addresses change between text and number for each datagram; both are few. */
function remembered<K, V>(map: Map<K, V>, key: K, make: (key: K) => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  if (map.size >= MAX_NAMES) map.clear();
  const value = make(key);
  map.set(key, value);
  return value;
}

/** `shared`: beside our own other socket, and beside DHCP servers that are bound to other interfaces. */
function bound(port: number, address: string, shared: boolean): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({
      type: 'udp4',
      reuseAddr: shared,
      recvBufferSize: BUFFER_BYTES,
      sendBufferSize: BUFFER_BYTES,
      // Peers are addresses, never names; Node's own lookup costs a turn of the event loop for each datagram.
      lookup: (host, _options, done) => done(null, host, 4),
    });
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ port, address, exclusive: true }, () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}
