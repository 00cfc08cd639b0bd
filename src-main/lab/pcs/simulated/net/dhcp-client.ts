import {
  ANY_IPV4,
  BROADCAST_IPV4,
  type Cidr,
  formatIpv4,
  type Ipv4,
  ipv4,
} from '../../../../base/address.ts';
import type { Clock } from '../../../../base/clock.ts';
import type { Random } from '../../../../base/random.ts';
import type { UdpEndpoint } from '../../../../base/segment.ts';
import {
  BOOT_REPLY,
  DHCP_CLIENT_PORT,
  DHCP_SERVER_PORT,
  type DhcpMessage,
  decodeDhcp,
  encodeDhcp,
  LARGEST_MESSAGE_BYTES,
  MESSAGE_TYPE,
} from '../../../../protocol/dhcp.ts';
import { OPTION } from '../../../../protocol/dhcp-options.ts';
import {
  IPXE_NO_PXEDHCP,
  PXE_BOOT_OFFERED_FILE,
  PXE_DISCOVERY_CONTROL,
  readIpxeOptions,
} from '../../../../protocol/dhcp-pxe.ts';
import {
  readIpv4,
  readIpv4List,
  readSubOptions,
  readText,
  readU8,
  readU32,
} from '../../../../protocol/dhcp-values.ts';
import type { Pace } from '../machine/pace.ts';
import {
  type DhcpFlavour,
  type DhcpIdentity,
  discoverMessage,
  renewMessage,
  requestMessage,
} from './dhcp-flavour.ts';
import { Inbox } from './inbox.ts';
import type { NicStack } from './nic-device.ts';

/** What an ACK said. */
export interface DhcpLease {
  readonly address: Ipv4;
  readonly cidr: Cidr;
  readonly gateway: Ipv4 | null;
  readonly dns: readonly Ipv4[];
  readonly server: Ipv4;
  /** Where the boot file is. */
  readonly nextServer: Ipv4;
  /** A name or URL; '' when none was given. */
  readonly bootFile: string;
  readonly hostname: string;
  readonly leaseMs: number;
  readonly renewAfterMs: number;
  readonly message: DhcpMessage;
}

/** What a DHCP client works with. */
export interface DhcpContext {
  readonly stack: NicStack;
  readonly clock: Clock;
  readonly random: Random;
  readonly pace: Pace;
  readonly signal: AbortSignal;
}

export type DhcpFailure = 'no-offer' | 'no-boot-offer' | 'no-ack' | 'refused';
export type DhcpResult = { readonly lease: DhcpLease } | { readonly failure: DhcpFailure };

const NO_FIRST_OFFER = 0;

/**
 * DISCOVER, OFFER, REQUEST, ACK as `flavour` does it; configures the stack. `accepts` says which offers are of
 * any use to this client. Rejects when the power goes.
 */
export async function acquireLease(
  context: DhcpContext,
  flavour: DhcpFlavour,
  identity: DhcpIdentity,
  accepts: (offer: DhcpMessage) => boolean = () => true,
): Promise<DhcpResult> {
  const exchange = new Exchange(context, flavour, identity);
  try {
    const offers = await exchange.discover(accepts);
    if (offers.length === NO_FIRST_OFFER)
      return { failure: exchange.heardOffer ? 'no-boot-offer' : 'no-offer' };
    return await exchange.request(chosenOf(offers));
  } finally {
    exchange.close();
  }
}

/**
 * Extends a lease: asks its server, or with `anyServer` everybody (RFC 2131 §4.4.5). The lease as it is now;
 * null without an answer; 'lost' after a NAK.
 */
export async function renewLease(
  context: DhcpContext,
  flavour: DhcpFlavour,
  identity: DhcpIdentity,
  lease: DhcpLease,
  anyServer: boolean,
): Promise<DhcpLease | 'lost' | null> {
  const exchange = new Exchange(context, flavour, identity);
  try {
    return await exchange.renew(lease, anyServer ? BROADCAST_IPV4 : lease.server);
  } finally {
    exchange.close();
  }
}

/** An offer with a boot file comes before one without; among equals the first. */
function chosenOf(offers: readonly DhcpMessage[]): DhcpMessage {
  return offers.find((offer) => bootFileOf(offer) !== '') ?? (offers[0] as DhcpMessage);
}

/** One transaction: its xid, its socket, its inbox. */
class Exchange {
  readonly #context: DhcpContext;
  readonly #flavour: DhcpFlavour;
  readonly #identity: DhcpIdentity;
  readonly #xid: number;
  readonly #endpoint: UdpEndpoint;
  readonly #inbox: Inbox<DhcpMessage>;
  readonly #startedAt: number;
  #sent = 0;
  heardOffer = false;

  constructor(context: DhcpContext, flavour: DhcpFlavour, identity: DhcpIdentity) {
    this.#context = context;
    this.#flavour = flavour;
    this.#identity = identity;
    this.#xid = context.random.u32();
    this.#startedAt = context.clock.now();
    this.#inbox = new Inbox(context.clock, context.signal);
    this.#endpoint = context.stack.ip.udp(DHCP_CLIENT_PORT);
    this.#endpoint.onDatagram(({ data }) => {
      // Options are views into the frame, which is only ours during this call.
      const message = decodeDhcp(new Uint8Array(data));
      const ours = message?.op === BOOT_REPLY && message.xid === this.#xid && message.mac === identity.mac;
      if (ours) this.#inbox.put(message);
    });
  }

  close(): void {
    void this.#endpoint.dispose();
  }

  async discover(accepts: (offer: DhcpMessage) => boolean): Promise<DhcpMessage[]> {
    const { pace, clock } = this.#context;
    const collectMs = this.#flavour.collectMs * pace.scale;
    const offers: DhcpMessage[] = [];
    for (const timeout of this.#flavour.timeoutsMs) {
      this.#send(discoverMessage(this.#flavour, this.#identity, this.#xid, this.#secs()));
      const until = clock.now() + pace.patience(timeout);
      for (let left = until - clock.now(); left > 0; left = until - clock.now()) {
        const message = await this.#inbox.take(left);
        if (!message || !isUsableOffer(message)) continue;
        this.heardOffer = true;
        if (!accepts(message)) continue;
        offers.push(message);
        if (collectMs === 0 || saysItIsAll(this.#flavour, message)) return offers;
      }
      // Clients look at what they have when a DISCOVER times out.
      if (offers.length > 0 && clock.now() - this.#startedAt >= collectMs) return offers;
    }
    return offers;
  }

  async request(offer: DhcpMessage): Promise<DhcpResult> {
    const server = serverOf(offer);
    const chosen = { address: offer.yiaddr, server };
    for (const timeout of this.#flavour.timeoutsMs) {
      this.#send(requestMessage(this.#flavour, this.#identity, chosen, this.#xid, this.#secs()));
      const answer = await this.#answer(this.#context.pace.patience(timeout), server);
      if (answer === 'nak') return { failure: 'refused' };
      if (answer) return { lease: this.#configured(answer, offer) };
    }
    return { failure: 'no-ack' };
  }

  async renew(lease: DhcpLease, to: Ipv4): Promise<DhcpLease | 'lost' | null> {
    const { pace } = this.#context;
    this.#send(renewMessage(this.#flavour, this.#identity, lease.address, this.#xid), to);
    const answer = await this.#answer(pace.patience(this.#flavour.timeoutsMs[0] ?? 1000), null);
    if (answer === 'nak') return 'lost';
    return answer && this.#configured(answer, lease.message);
  }

  async #answer(timeoutMs: number, server: Ipv4 | null): Promise<DhcpMessage | 'nak' | null> {
    const { clock } = this.#context;
    const until = clock.now() + timeoutMs;
    for (let left = timeoutMs; left > 0; left = until - clock.now()) {
      const message = await this.#inbox.take(left);
      const type = message && readU8(message.options, OPTION.messageType);
      if (!message || (server !== null && serverOf(message) !== server)) continue;
      if (type === MESSAGE_TYPE.nak) return 'nak';
      if (type === MESSAGE_TYPE.ack) return message;
    }
    return null;
  }

  #configured(ack: DhcpMessage, offer: DhcpMessage): DhcpLease {
    this.#context.signal.throwIfAborted();
    const lease = leaseOf(ack, offer);
    const { ip } = this.#context.stack;
    if (ip.address !== lease.address)
      ip.configure({
        address: lease.address,
        cidr: lease.cidr,
        ...(lease.gateway === null ? {} : { gateway: lease.gateway }),
      });
    return lease;
  }

  #secs(): number {
    const elapsed = this.#context.clock.now() - this.#startedAt;
    return Math.min(0xffff, this.#flavour.secs(++this.#sent, elapsed));
  }

  #send(message: DhcpMessage, to: Ipv4 = BROADCAST_IPV4): void {
    // The power may have gone between a timer and what waited for it.
    this.#context.signal.throwIfAborted();
    this.#endpoint.send(encodeDhcp(message, LARGEST_MESSAGE_BYTES), { address: to, port: DHCP_SERVER_PORT });
  }
}

function isUsableOffer(message: DhcpMessage): boolean {
  return (
    readU8(message.options, OPTION.messageType) === MESSAGE_TYPE.offer &&
    message.yiaddr !== ANY_IPV4 &&
    serverOf(message) !== ANY_IPV4
  );
}

/** iPXE stops waiting for ProxyDHCP when an offer says so or is a PXE offer itself. */
function saysItIsAll(flavour: DhcpFlavour, { options }: DhcpMessage): boolean {
  if (flavour.name !== 'ipxe') return false;
  const isPxe = readText(options, OPTION.vendorClass)?.startsWith('PXEClient') && discoveryIsOff(options);
  return isPxe === true || readIpxeOptions(options)?.get(IPXE_NO_PXEDHCP)?.[0] === 1;
}

function discoveryIsOff(options: DhcpMessage['options']): boolean {
  const control = readSubOptions(options.get(OPTION.vendorSpecific) ?? new Uint8Array()).get(
    PXE_DISCOVERY_CONTROL,
  );
  return ((control?.[0] ?? 0) & PXE_BOOT_OFFERED_FILE) !== 0;
}

function serverOf(message: DhcpMessage): Ipv4 {
  return readIpv4(message.options, OPTION.serverIdentifier) ?? message.siaddr;
}

function bootFileOf({ options, file }: DhcpMessage): string {
  return readText(options, OPTION.bootFile) || file;
}

/** Options of the ACK count; the offer fills in what it leaves out, as in PXE firmware, which caches both. */
function leaseOf(ack: DhcpMessage, offer: DhcpMessage): DhcpLease {
  const { options } = ack;
  const mask = readIpv4(options, OPTION.subnetMask) ?? ipv4('255.255.255.0');
  const prefix = 32 - Math.log2((~mask >>> 0) + 1);
  const leaseMs = 1000 * (readU32(options, OPTION.leaseTime) ?? 3600);
  const renewal = readU32(options, OPTION.renewalTime);
  const named = bootFileOf(ack) !== '' ? ack : offer;
  const server = serverOf(ack);
  return {
    address: ack.yiaddr,
    cidr: {
      network: ((ack.yiaddr & mask) >>> 0) as Ipv4,
      prefix: Number.isInteger(prefix) ? prefix : 24,
    },
    gateway: readIpv4List(options, OPTION.router)?.[0] ?? null,
    dns: readIpv4List(options, OPTION.dnsServers) ?? [],
    server,
    nextServer: nextServerOf(named) ?? server,
    bootFile: bootFileOf(named),
    hostname: readText(options, OPTION.hostname) ?? '',
    leaseMs,
    renewAfterMs: renewal === null ? leaseMs / 2 : renewal * 1000,
    message: ack,
  };
}

function nextServerOf({ siaddr, options }: DhcpMessage): Ipv4 | null {
  if (siaddr !== ANY_IPV4) return siaddr;
  const name = readText(options, OPTION.tftpServerName) ?? '';
  return /^\d+(\.\d+){3}$/.test(name) ? ipv4(name) : null;
}

/** `10.77.0.20/255.255.255.0 gw 10.77.0.1`, as iPXE prints it. */
export function describeLease({ address, cidr, gateway }: DhcpLease): string {
  const mask = formatIpv4(((0xffffffff << (32 - cidr.prefix)) >>> 0) as Ipv4);
  return `${formatIpv4(address)}/${mask}${gateway === null ? '' : ` gw ${formatIpv4(gateway)}`}`;
}
