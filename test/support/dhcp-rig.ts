import { cidr, type Ipv4, ipv4, type Mac } from '../../src-main/base/address.ts';
import type { BootEvent } from '../../src-main/base/boot-event.ts';
import { ManualClock } from '../../src-main/base/clock.ts';
import type { DhcpConfig, DhcpSubnet } from '../../src-main/netboot/dhcp/config.ts';
import { memoryLeaseBook } from '../../src-main/netboot/dhcp/memory-lease-book.ts';
import { type DhcpServer, type LeaseChange, startDhcpServer } from '../../src-main/netboot/dhcp/server.ts';
import type { LeaseBook } from '../../src-main/netboot/ports.ts';
import {
  type DhcpMessage,
  decodeDhcp,
  dhcpMessage,
  encodeDhcp,
  MESSAGE_TYPE,
} from '../../src-main/protocol/dhcp.ts';
import { OPTION } from '../../src-main/protocol/dhcp-options.ts';
import { readU8, u32Value } from '../../src-main/protocol/dhcp-values.ts';
import { FakeSegment } from './fake-segment.ts';

export const SERVER = ipv4('10.77.0.1');
export const at = (last: number) => ipv4(`10.77.0.${last}`);
export const client = (n: number) => (0x525400000000 + n) as Mac;
export const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

export const SUBNET: DhcpSubnet = {
  cidr: cidr('10.77.0.0/24'),
  ranges: [{ first: at(100), last: at(102) }],
  gateway: at(1),
  dnsServers: [at(1)],
  domain: 'maas',
  ntpServers: [at(1)],
};

/** A DHCP server on a fake segment, with what it said and told. */
export class DhcpRig {
  readonly segment = new FakeSegment();
  readonly clock = new ManualClock();
  readonly events: BootEvent[] = [];
  readonly changes: LeaseChange[] = [];
  server!: DhcpServer;
  #xid = 1;

  async start(config: Partial<DhcpConfig> = {}, leaseBook: LeaseBook = memoryLeaseBook()): Promise<this> {
    this.server = await startDhcpServer({
      segment: this.segment,
      clock: this.clock,
      leaseBook,
      bootLog: (event) => this.events.push(event),
      config: { subnets: [SUBNET], probeTimeoutMs: 0, ...config },
    });
    this.server.leaseChanged.on((change) => this.changes.push(change));
    return this;
  }

  /** Sends a message and returns the replies, once what must be saved has been. */
  async ask(
    type: keyof typeof MESSAGE_TYPE,
    from: Mac,
    options: [number, Uint8Array][] = [],
    fields: Partial<DhcpMessage> = {},
  ): Promise<DhcpMessage[]> {
    const all = new Map([[OPTION.messageType, Uint8Array.of(MESSAGE_TYPE[type])], ...options]);
    return this.askRaw(encodeDhcp(dhcpMessage({ xid: this.#xid++, mac: from, options: all, ...fields })));
  }

  async askRaw(packet: Uint8Array): Promise<DhcpMessage[]> {
    this.segment.deliver(67, packet);
    await settled();
    return this.takeReplies();
  }

  takeReplies(): DhcpMessage[] {
    return this.segment.take().map(({ data }) => decodeDhcp(data)!);
  }

  /** The whole exchange of a new client; the address it got, or null. */
  async lease(from: Mac): Promise<Ipv4 | null> {
    const [offer] = await this.ask('discover', from);
    if (!offer) return null;
    const [ack] = await this.ask('request', from, selecting(offer.yiaddr));
    return ack && typeOf(ack) === 'ack' ? ack.yiaddr : null;
  }

  get steps(): string[] {
    return this.events.map(({ step }) => step);
  }
}

export const selecting = (address: Ipv4, server = SERVER): [number, Uint8Array][] => [
  [OPTION.requestedAddress, u32Value(address)],
  [OPTION.serverIdentifier, u32Value(server)],
];
export const rebooting = (address: Ipv4): [number, Uint8Array][] => [
  [OPTION.requestedAddress, u32Value(address)],
];
export const typeOf = (message: DhcpMessage | undefined) =>
  Object.entries(MESSAGE_TYPE).find(
    ([, n]) => message && n === readU8(message.options, OPTION.messageType),
  )?.[0];
