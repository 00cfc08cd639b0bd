import { type Cidr, contains, type Ipv4 } from '../../../base/address.ts';
import type { Clock } from '../../../base/clock.ts';
import type { Disposable } from '../../../base/disposable.ts';
import type { Random } from '../../../base/random.ts';
import { ADMINISTRATIVELY_PROHIBITED } from '../../../protocol/icmp.ts';
import { type Ipv4Packet, PROTOCOL_UDP } from '../../../protocol/ipv4.ts';
import { TCP_PROTOCOL } from '../../../protocol/tcp.ts';
import type { IpHost } from '../ip-host.ts';
import type { TcpStackOptions } from '../tcp/index.ts';
import { type NatCounters, newNatCounters } from './counters.ts';
import { type Outside, systemOutside } from './outside.ts';
import { natRefusal } from './policy.ts';
import { TcpRelay } from './tcp-relay.ts';
import { UdpRelay } from './udp-relay.ts';

export interface NatOptions {
  readonly clock: Clock;
  /** Secure: TCP's sequence numbers come from it. */
  readonly random: Random;
  /** The lab's network. */
  readonly lab: Cidr;
  /** This computer's sockets when absent. */
  readonly outside?: Outside;
  /** Lets machines reach this computer's own services. Off unless a test wants it. */
  readonly allowHostLocal?: boolean;
  readonly tcp?: Partial<TcpStackOptions>;
}

export interface Nat extends Disposable {
  readonly counters: Readonly<NatCounters>;
  /** UDP conversations, TCP remotes and ports of theirs that are open now. */
  readonly sizes: { readonly flows: number; readonly remotes: number; readonly ports: number };
  dispose(): void;
}

/** A machine may ask about an address for so long until this computer's own addresses are looked up again. */
const ADDRESSES_LIFE_MS = 5000;

/**
 * Lets the machines of a lab reach the world by UDP and TCP, through this computer's ordinary sockets, with `host`
 * as their gateway. Nothing from outside reaches the lab unasked. ICMP stays inside: sockets for it take privileges.
 */
export function startNat(host: IpHost, options: NatOptions): Nat {
  const { clock, random, lab } = options;
  const outside = options.outside ?? systemOutside;
  const counters = newNatCounters();
  const udp = new UdpRelay(host, outside, clock, counters);
  const tcp = new TcpRelay(host, outside, clock, random, counters, options.tcp ?? {});
  let hostAddresses: readonly Ipv4[] = [];
  let lookedUpAt = Number.NEGATIVE_INFINITY;

  const refused = (destination: Ipv4): boolean => {
    const now = clock.now();
    if (now - lookedUpAt > ADDRESSES_LIFE_MS) {
      hostAddresses = outside.addresses();
      lookedUpAt = now;
    }
    const allowHostLocal = options.allowHostLocal ?? false;
    return natRefusal(destination, { lab, hostAddresses, allowHostLocal }) !== null;
  };

  const forward = (frame: Uint8Array, packet: Ipv4Packet): void => {
    const relay = packet.protocol === PROTOCOL_UDP ? udp : packet.protocol === TCP_PROTOCOL ? tcp : null;
    const fragment = packet.moreFragments || packet.fragmentOffset > 0;
    if (relay === null || fragment || !contains(lab, packet.source)) {
      counters.unsupported++;
    } else if (refused(packet.destination)) {
      counters.refused++;
      // Said aloud (RFC 1812 §5.2.7.1), so that programs fail at once instead of waiting.
      host.refuse(frame, packet, ADMINISTRATIVELY_PROHIBITED);
    } else relay.forward(frame, packet);
  };

  host.setForwarder(forward);
  let open = true;
  return {
    counters,
    get sizes() {
      return { flows: udp.size, ...tcp.sizes };
    },
    dispose() {
      if (!open) return;
      open = false;
      host.setForwarder(null);
      udp.dispose();
      tcp.dispose();
    },
  };
}
