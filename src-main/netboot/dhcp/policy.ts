import { contains, type Ipv4, isGroupMac, type Mac } from '../../base/address.ts';
import { type DhcpMessage, HTYPE_ETHERNET, MESSAGE_TYPE } from '../../protocol/dhcp.ts';
import { OPTION } from '../../protocol/dhcp-options.ts';
import { readIpv4, readSubOptions, readU8 } from '../../protocol/dhcp-values.ts';
import { AddressTable, type ExpiryListener } from './address-table.ts';
import type { Binding } from './binding.ts';
import type { FullDhcpConfig } from './config.ts';

/** Why a request got no answer. */
export type DropReason =
  | 'not-dhcp'
  | 'not-a-request'
  | 'no-message-type'
  | 'not-ethernet'
  | 'no-subnet'
  | 'no-address-named'
  | 'other-server'
  | 'unknown-client'
  | 'not-its-address'
  | 'pool-exhausted'
  | 'being-probed'
  | 'address-conflict'
  | 'store-busy'
  | 'store-failed';

/** What to do about one message. The address table has been changed accordingly. */
export type Decision =
  | { readonly kind: 'drop'; readonly reason: DropReason }
  /** `held`: the client has a lease on the address, so nobody needs to be asked who uses it. */
  | {
      readonly kind: 'offer';
      readonly table: AddressTable;
      readonly binding: Binding;
      readonly leaseMs: number;
      readonly held: boolean;
    }
  | {
      readonly kind: 'ack';
      readonly table: AddressTable;
      readonly binding: Binding;
      readonly leaseMs: number;
    }
  | { readonly kind: 'inform'; readonly table: AddressTable }
  | { readonly kind: 'nak'; readonly reason: string }
  | { readonly kind: 'exhausted'; readonly table: AddressTable }
  | { readonly kind: 'foreign'; readonly server: Ipv4 }
  | { readonly kind: 'declined' | 'released'; readonly binding: Binding };

/** Option 82, sub-option 5: the subnet to serve when it is not the relay's own (RFC 3527). */
const LINK_SELECTION = 5;

const drop = (reason: DropReason): Decision => ({ kind: 'drop', reason });

/** The server's side of DHCP (RFC 2131 §4.3): message and tables in, decision out. No I/O, no clock. */
export class DhcpPolicy {
  readonly tables: readonly AddressTable[];
  readonly #config: FullDhcpConfig;
  readonly #serverAddress: Ipv4;

  constructor(config: FullDhcpConfig, serverAddress: Ipv4, onExpiry: ExpiryListener) {
    this.#config = config;
    this.#serverAddress = serverAddress;
    this.tables = config.subnets.map((subnet) => new AddressTable(subnet, config.maxOffers, onExpiry));
  }

  /** The table whose network contains `address`. */
  tableOf(address: Ipv4): AddressTable | null {
    for (const table of this.tables) if (contains(table.subnet.cidr, address)) return table;
    return null;
  }

  /** Decides on a client's message at wall-clock `now` (ms); `pxe` clients get short leases. */
  decide(message: DhcpMessage, pxe: boolean, now: number): Decision {
    const { mac } = message;
    if (message.htype !== HTYPE_ETHERNET || message.hlen !== 6 || mac === 0 || isGroupMac(mac))
      return drop('not-ethernet');
    const type = readU8(message.options, OPTION.messageType);
    if (type === null) return drop('no-message-type');
    const table = this.#tableFor(message, type);
    if (!table) return drop('no-subnet');
    table.expire(now);
    switch (type) {
      case MESSAGE_TYPE.discover:
        return this.#discover(table, message, this.#leaseMs(pxe), now);
      case MESSAGE_TYPE.request:
        return this.#request(table, message, this.#leaseMs(pxe), now);
      case MESSAGE_TYPE.decline:
        return this.#giveUp(table, message, readIpv4(message.options, OPTION.requestedAddress), now);
      case MESSAGE_TYPE.release:
        return this.#giveUp(table, message, message.ciaddr, now);
      case MESSAGE_TYPE.inform:
        return { kind: 'inform', table };
      default:
        return drop('not-a-request');
    }
  }

  /** Marks an address that answered a probe, so that nobody is offered it for a while. */
  conflict(table: AddressTable, binding: Binding, now: number): void {
    table.decline(binding.address, binding.mac, now, this.#config.declinedSeconds * 1000);
  }

  #leaseMs(pxe: boolean): number {
    return (pxe ? this.#config.pxeLeaseSeconds : this.#config.leaseSeconds) * 1000;
  }

  /** By the relay (RFC 2131 §4.3.1), by the address in use, or the network that the server itself is on. */
  #tableFor(message: DhcpMessage, type: number): AddressTable | null {
    if (message.giaddr !== 0) {
      const relay = message.options.get(OPTION.relayAgent);
      const link = relay ? readIpv4(readSubOptions(relay, false), LINK_SELECTION) : null;
      return this.tableOf(link ?? message.giaddr);
    }
    const local = this.tableOf(this.#serverAddress);
    if (message.ciaddr === 0 || type === MESSAGE_TYPE.discover) return local;
    // An INFORM is answered at its ciaddr: not when that is on a network that we do not serve.
    return this.tableOf(message.ciaddr) ?? (type === MESSAGE_TYPE.request ? local : null);
  }

  #discover(table: AddressTable, message: DhcpMessage, leaseMs: number, now: number): Decision {
    const wanted = readIpv4(message.options, OPTION.requestedAddress);
    const address = table.choose(message.mac, wanted, now);
    if (address === null) return { kind: 'exhausted', table };
    const before = table.at(address);
    const held = before?.state === 'bound' && before.mac === message.mac;
    const binding = table.offer(address, message.mac, now, this.#config.offerSeconds * 1000);
    return { kind: 'offer', table, binding, leaseMs, held };
  }

  /** RFC 2131 §4.3.2 and its table 4: which fields are set tells the client's state. */
  #request(table: AddressTable, message: DhcpMessage, leaseMs: number, now: number): Decision {
    const server = readIpv4(message.options, OPTION.serverIdentifier);
    const wanted = readIpv4(message.options, OPTION.requestedAddress);
    const own = table.of(message.mac);
    if (server !== null && server !== this.#serverAddress) {
      // SELECTING, and somebody else was selected: the address is free again.
      if (own?.state === 'offered') table.free(own);
      return { kind: 'foreign', server };
    }
    const address = wanted ?? (message.ciaddr !== 0 ? message.ciaddr : null);
    if (address === null) return drop('no-address-named');
    const rebooted = server === null && message.ciaddr === 0;
    const local = contains(table.subnet.cidr, address);
    // No record of the client: another server of this network may know it, so be silent unless the address is ours.
    if (server === null && own === null && (rebooted ? local : !table.permits(message.mac, address)))
      return drop('unknown-client');
    if (!local) return { kind: 'nak', reason: 'wrong network' };
    if (!table.entitled(message.mac, address)) return { kind: 'nak', reason: 'address not available' };
    // A client that comes back for another address than the one on record has old news.
    if (rebooted && own?.address !== address) return { kind: 'nak', reason: 'another address is yours' };
    const hostname = hostnameOf(message);
    return { kind: 'ack', table, leaseMs, binding: table.bind(address, message.mac, now, leaseMs, hostname) };
  }

  #giveUp(table: AddressTable, message: DhcpMessage, address: Ipv4 | null, now: number): Decision {
    const server = readIpv4(message.options, OPTION.serverIdentifier);
    if (server !== null && server !== this.#serverAddress) return drop('other-server');
    if (address === null) return drop('no-address-named');
    const binding = table.at(address);
    if (!binding || !isHeldBy(binding, message.mac)) return drop('not-its-address');
    if (readU8(message.options, OPTION.messageType) === MESSAGE_TYPE.release) {
      table.free(binding);
      return { kind: 'released', binding };
    }
    this.conflict(table, binding, now);
    return { kind: 'declined', binding };
  }
}

function isHeldBy(binding: Binding, mac: Mac): boolean {
  return binding.mac === mac && (binding.state === 'bound' || binding.state === 'offered');
}

/** What the client calls itself: printable ASCII only, since it is shown and stored. */
function hostnameOf(message: DhcpMessage): string {
  const value = message.options.get(OPTION.hostname);
  if (!value) return '';
  let text = '';
  for (const byte of value.subarray(0, 253))
    if (byte > 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
  return text;
}
