import { createServer, type Server, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type Cidr, formatIpv4, type Ipv4 } from '../../base/address.ts';
import type { Clock } from '../../base/clock.ts';
import type { Disposable } from '../../base/disposable.ts';
import { rackboxError } from '../../base/error-catalogue.ts';
import type { ProcessRunner } from '../../base/process-runner.ts';
import type { Segment, SegmentConnection, UdpEndpoint } from '../../base/segment.ts';
import { bindError, type Door, portInUse } from './bind-error.ts';
import { type NicProbeOptions, probeOnNic } from './nic-probe.ts';
import { type NicCounters, openNicUdp } from './nic-udp.ts';

export interface NicSegmentOptions {
  /** "br0", "enp3s0", "Ethernet 2". */
  readonly interface: string;
  readonly address: Ipv4;
  readonly cidr: Cidr;
  readonly clock: Clock;
  readonly runner: ProcessRunner;
  /** Other networks that may speak to us: those of DHCP relays. */
  readonly alsoFrom?: readonly Cidr[];
  readonly platform?: NodeJS.Platform;
  readonly readNeighbours?: NicProbeOptions['readNeighbours'];
}

export interface NicSegment extends Segment, Disposable {
  readonly counters: Readonly<NicCounters>;
}

/**
 * A real network by one of this machine's interfaces. Opt-in: whoever runs DHCP on it must be meant to. Rejects with
 * ADDRESS_MISSING when the interface does not have the address with this prefix. What it sends leaves by this interface only; what
 * clients without an address send on other interfaces is seen too, since Node can't tell where it came from.
 */
export async function openNicSegment(options: NicSegmentOptions): Promise<NicSegment> {
  // With another prefix the system would know another broadcast address than we do.
  const address = `${formatIpv4(options.address)}/${options.cidr.prefix}`;
  const has = networkInterfaces()[options.interface]?.some((entry) => entry.cidr === address);
  if (!has) throw rackboxError('ADDRESS_MISSING', { interface: options.interface, address });
  return new HostNicSegment(options);
}

class HostNicSegment implements NicSegment {
  readonly name: string;
  readonly cidr: Cidr;
  readonly address: Ipv4;
  readonly counters: NicCounters = { strangers: 0, sendErrors: 0 };
  readonly #options: NicSegmentOptions;
  readonly #platform: NodeJS.Platform;
  readonly #udpPorts = new Map<number, UdpEndpoint | null>();
  readonly #servers = new Set<Server>();
  readonly #connections = new Set<Socket>();

  constructor(options: NicSegmentOptions) {
    this.#options = options;
    this.name = options.interface;
    this.cidr = options.cidr;
    this.address = options.address;
    this.#platform = options.platform ?? process.platform;
  }

  async udp(port: number): Promise<UdpEndpoint> {
    const door = this.#door('udp', port);
    // DHCP's ports are opened shared, so the system would let us take them twice.
    if (this.#udpPorts.has(port)) throw portInUse(door);
    if (port !== 0) this.#udpPorts.set(port, null);
    try {
      const endpoint: UdpEndpoint = await openNicUdp({
        port,
        address: this.address,
        cidr: this.cidr,
        alsoFrom: this.#options.alsoFrom ?? [],
        platform: this.#platform,
        clock: this.#options.clock,
        counters: this.counters,
        onClose: () => this.#udpPorts.delete(endpoint.port),
      });
      this.#udpPorts.set(endpoint.port, endpoint);
      return endpoint;
    } catch (error) {
      this.#udpPorts.delete(port);
      throw this.#bindError(error, door);
    }
  }

  tcp(port: number, onConnection: (connection: SegmentConnection) => void): Promise<Disposable> {
    return new Promise((resolve, reject) => {
      const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
        this.#connections.add(socket);
        socket.once('close', () => this.#connections.delete(socket));
        onConnection(socket);
      });
      server.once('error', (error) => reject(this.#bindError(error, this.#door('tcp', port))));
      server.listen({ port, host: formatIpv4(this.address), exclusive: true }, () => {
        this.#servers.add(server);
        resolve({ dispose: () => this.#close(server) });
      });
    });
  }

  probe(address: Ipv4, timeoutMs: number): Promise<boolean> {
    const { interface: name, clock, runner, readNeighbours } = this.#options;
    return probeOnNic(
      {
        interface: name,
        address: this.address,
        platform: this.#platform,
        runner,
        clock,
        ...(readNeighbours ? { readNeighbours } : {}),
      },
      address,
      timeoutMs,
    );
  }

  /** Closes every port and connection. */
  dispose(): void {
    for (const endpoint of [...this.#udpPorts.values()]) void endpoint?.dispose();
    for (const server of [...this.#servers]) this.#close(server);
    for (const connection of this.#connections) connection.destroy();
  }

  /** No new connections; those that are there go on. */
  #close(server: Server): void {
    if (this.#servers.delete(server)) server.close();
  }

  #door(protocol: Door['protocol'], port: number): Door {
    return { protocol, port, interface: this.name, address: formatIpv4(this.address) };
  }

  #bindError(error: unknown, door: Door): Error {
    return bindError(error, door, this.#platform, process.execPath);
  }
}
