import type { Cidr, Ipv4, Mac } from '../../base/address.ts';
import type { Clock } from '../../base/clock.ts';
import type { Disposable } from '../../base/disposable.ts';
import type { Random } from '../../base/random.ts';
import type { Segment, SegmentConnection, UdpEndpoint } from '../../base/segment.ts';
import type { CableTraits, Fabric } from '../switch/port.ts';
import { IpHost } from './ip-host.ts';
import { type Nat, type NatOptions, startNat } from './nat/nat.ts';
import { TcpStack, type TcpStackOptions } from './tcp/index.ts';

export interface LabSegmentOptions {
  readonly fabric: Fabric;
  /** For people, and the name of the switch port. */
  readonly name: string;
  readonly cidr: Cidr;
  readonly address: Ipv4;
  /** Made from the address when absent. */
  readonly mac?: Mac;
  readonly clock: Clock;
  /** Secure: TCP's sequence numbers come from it. */
  readonly random: Random;
  readonly tcp?: Partial<TcpStackOptions>;
}

/** The lab's network as the controller sees it: an IP host of our own on the lab's switch. */
export class LabSegment implements Segment, Disposable {
  readonly name: string;
  readonly cidr: Cidr;
  readonly host: IpHost;
  readonly tcpStack: TcpStack;
  readonly #fabric: Fabric;
  readonly #parts: { readonly clock: Clock; readonly random: Random };
  #nat: Nat | null = null;

  constructor(options: LabSegmentOptions) {
    const { fabric, name, cidr, address, clock, random } = options;
    this.name = name;
    this.cidr = cidr;
    this.#fabric = fabric;
    this.#parts = { clock, random };
    const mac = options.mac ?? macFor(address);
    this.host = new IpHost({ fabric, name, mac, clock, random, answersRouterSolicitations: true });
    const linkProfile = (peer: Ipv4) => this.#traitsOf(peer);
    this.tcpStack = new TcpStack({ ip: this.host, clock, random, options: { linkProfile, ...options.tcp } });
    this.host.registerTransport(this.tcpStack);
    this.host.configure({ address, cidr });
  }

  get address(): Ipv4 {
    return this.host.address;
  }

  async udp(port: number): Promise<UdpEndpoint> {
    return this.host.udp(port);
  }

  async tcp(port: number, onConnection: (connection: SegmentConnection) => void): Promise<Disposable> {
    return this.tcpStack.listen(port, onConnection);
  }

  probe(address: Ipv4, timeoutMs: number): Promise<boolean> {
    return this.host.probe(address, timeoutMs);
  }

  /** Lets the machines of this segment, whose gateway we are, reach the world; off again on dispose. */
  startNat(options: Omit<NatOptions, 'clock' | 'random' | 'lab' | 'tcp'> = {}): Nat {
    const tcp = { linkProfile: (peer: Ipv4) => this.#traitsOf(peer) };
    this.#nat?.dispose();
    this.#nat = startNat(this.host, { ...options, ...this.#parts, lab: this.cidr, tcp });
    return this.#nat;
  }

  /** Resets connections, closes ports and unplugs the host. */
  dispose(): void {
    this.#nat?.dispose();
    this.tcpStack.dispose();
    this.host.dispose();
  }

  #traitsOf(peer: Ipv4): CableTraits {
    const mac = this.host.arp.find(peer);
    return mac === null ? {} : (this.#fabric.traitsOf?.(mac) ?? {});
  }
}

/** Plugs the controller into a switch. */
export function openLabSegment(options: LabSegmentOptions): LabSegment {
  return new LabSegment(options);
}

/** A locally administered address: the same one after each start, so that no PC's ARP cache goes stale. */
function macFor(address: Ipv4): Mac {
  return (0x020000000000 + address) as Mac;
}
