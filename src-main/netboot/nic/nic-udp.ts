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

/** DHCP's ports. Other servers may have them too, each for its own interface (libvirt's dnsmasq does). */
const DHCP_PORTS: ReadonlySet<number> = new Set([67, 68]);
const BUFFER_BYTES = 4 << 20;
const MAX_NAMES = 4096;
/** How long after a datagram from an address its owner is taken to answer ARP for it. */
const REACHABLE_MS = 5000;

/**
 * Opens a UDP port of a NIC. Rejects with the system's error.
 *
 * A broadcast does not reach a socket bound to the NIC's address (but on Windows), while a broadcast sent from a
 * socket bound to none leaves by the interface of the default route, somebody's home network perhaps. So a port has
 * several sockets: one bound to the NIC's address, which sends everything, for Linux and Windows route
 * 255.255.255.255 by that address; and others that only receive. Port 0, any free one, receives no broadcasts.
 */
export async function openNicUdp(options: NicUdpOptions): Promise<UdpEndpoint> {
  const { port, address } = options;
  const receivers = port === 0 ? [] : broadcastReceivers(options);
  const shared = DHCP_PORTS.has(port) || receivers.includes(ANY_IPV4);
  const sender = await bound(port, address, shared);
  const sockets = new Map<Socket, Ipv4>([[sender, address]]);
  try {
    for (const receiver of receivers) sockets.set(await bound(port, receiver, true), receiver);
  } catch (error) {
    for (const socket of sockets.keys()) socket.close();
    throw error;
  }
  return new NicUdpEndpoint(options, sender, sockets);
}

/** Linux binds to a broadcast address, which takes nothing else; macOS only to all addresses. */
function broadcastReceivers({ platform, cidr }: NicUdpOptions): Ipv4[] {
  if (platform === 'win32') return [];
  if (platform !== 'linux') return [ANY_IPV4];
  return cidr.prefix < 31 ? [BROADCAST_IPV4, broadcastOf(cidr)] : [BROADCAST_IPV4];
}

class NicUdpEndpoint implements UdpEndpoint {
  readonly port: number;
  readonly #options: NicUdpOptions;
  readonly #sockets: readonly Socket[];
  readonly #sender: Socket;
  readonly #broadcast: string;
  readonly #addresses = new Map<string, Ipv4 | null>();
  readonly #names = new Map<Ipv4, string>();
  readonly #reachableUntil = new Map<Ipv4, number>();
  #receiver: ((datagram: Datagram) => void) | null = null;
  #open = true;

  /** `sockets`: all of them, with the address that each is bound to. */
  constructor(options: NicUdpOptions, sender: Socket, sockets: ReadonlyMap<Socket, Ipv4>) {
    this.#options = options;
    this.#sender = sender;
    this.#sockets = [...sockets.keys()];
    this.port = sender.address().port;
    // macOS sends 255.255.255.255 by the default route whatever the socket is bound to; the network's own
    // broadcast address leaves by the right interface, and firmware without an address takes it.
    const limited = options.platform === 'linux' || options.platform === 'win32';
    this.#broadcast = formatIpv4(limited ? BROADCAST_IPV4 : broadcastOf(options.cidr));
    for (const [socket, to] of sockets) {
      socket.on('message', (data, from) => this.#receive(data, from.address, from.port, to));
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

  #receive(data: Uint8Array, name: string, port: number, to: Ipv4): void {
    const { cidr, alsoFrom, address: own, counters } = this.#options;
    const address = this.#addressOf(name);
    // Our own broadcast comes back to us.
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
    if (DHCP_PORTS.has(this.port) && address !== ANY_IPV4) this.#remember(address);
    this.#receiver?.({ data, from: { address, port }, ...(to === ANY_IPV4 ? {} : { to }) });
  }

  /**
   * The hardware address of `to` cannot be used without raw sockets: who may not have its address yet is reached
   * by broadcast. Who has just spoken from it has it (a client that renews, and listens to nothing else).
   */
  #nameFor(to: Peer): string {
    if (to.address === BROADCAST_IPV4) return this.#broadcast;
    if (
      to.mac !== undefined &&
      (this.#reachableUntil.get(to.address) ?? -Infinity) < this.#options.clock.now()
    )
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

/** `shared`: beside others' sockets and our own. */
function bound(port: number, address: Ipv4, shared: boolean): Promise<Socket> {
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
    socket.bind({ port, address: formatIpv4(address), exclusive: true }, () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}
