import {
  ANY_IPV4,
  BROADCAST_IPV4,
  broadcastOf,
  formatIpv4,
  type Ipv4,
  type Mac,
  netmask,
} from '../../base/address.ts';
import type { Peer } from '../../base/segment.ts';
import {
  BOOT_REPLY,
  broadcastFlag,
  DEFAULT_MAX_MESSAGE_BYTES,
  DHCP_CLIENT_PORT,
  DHCP_SERVER_PORT,
  type DhcpMessage,
  dhcpMessage,
  encodeDhcp,
  fitsFileField,
  MESSAGE_TYPE,
  wantsBroadcast,
} from '../../protocol/dhcp.ts';
import { OPTION } from '../../protocol/dhcp-options.ts';
import { noProxyDhcpValue } from '../../protocol/dhcp-pxe.ts';
import {
  domainListValue,
  ipv4ListValue,
  readU16,
  textValue,
  u8Value,
  u16Value,
  u32Value,
} from '../../protocol/dhcp-values.ts';
import { chooseBootFile, type LoaderChoice } from './boot-file.ts';
import type { BootingClient } from './client.ts';
import type { DhcpSubnet, FullDhcpConfig } from './config.ts';

const IP_AND_UDP_BYTES = 28;
const HTTP_CLIENT = textValue('HTTPClient');
const NO_PROXY_DHCP = noProxyDhcpValue();

/** A client's boot file with its option values made once. */
interface BootValues {
  readonly choice: LoaderChoice;
  readonly bootFile: Uint8Array;
  readonly pathPrefix: Uint8Array | null;
}

/** Writes the replies of one subnet. What does not change from client to client is encoded once. */
export class ReplyWriter {
  readonly #subnet: DhcpSubnet;
  readonly #config: FullDhcpConfig;
  readonly #nextServer: Ipv4;
  readonly #serverIdentifier: Uint8Array;
  readonly #fixed: ReadonlyMap<number, Uint8Array>;
  readonly #hostnames: ReadonlyMap<Mac, Uint8Array>;
  readonly #bootValues = new Map<string, BootValues | null>();

  constructor(subnet: DhcpSubnet, config: FullDhcpConfig, server: Ipv4) {
    this.#subnet = subnet;
    this.#config = config;
    this.#nextServer = subnet.nextServer ?? server;
    this.#serverIdentifier = u32Value(server);
    this.#fixed = fixedOptions(subnet, this.#nextServer);
    this.#hostnames = new Map(
      (subnet.reservations ?? []).flatMap(({ mac, hostname }) =>
        hostname ? [[mac, textValue(hostname)] as const] : [],
      ),
    );
  }

  /** The boot file that this client is given, '' when none. */
  bootFileOf(client: BootingClient): string {
    return this.#bootOf(client)?.choice.file ?? '';
  }

  /** An OFFER or ACK of `address` for `leaseMs`; an ACK of an INFORM when both are 0 (RFC 2131 §4.3.5). */
  write(
    request: DhcpMessage,
    client: BootingClient,
    type: number,
    address: Ipv4,
    leaseMs: number,
  ): Uint8Array {
    const options = new Map<number, Uint8Array>();
    const requested = request.options.get(OPTION.parameterRequestList);
    options.set(OPTION.messageType, u8Value(type));
    options.set(OPTION.serverIdentifier, this.#serverIdentifier);
    if (leaseMs > 0) this.#setTimes(options, leaseMs / 1000, requested);
    this.#setRequested(options, request, requested);
    const boot = this.#bootOf(client);
    if (boot) setBoot(options, boot, requested);
    // EDK2's HTTP boot takes only offers that give its vendor class back. "PXEClient" is never given back: without
    // discovery control in option 43 it sends PXE ROMs and EDK2 to a boot server on port 4011, which hangs them.
    if (client.http) options.set(OPTION.vendorClass, HTTP_CLIENT);
    // Saves iPXE 3 s of waiting for ProxyDHCP. EDK2 waits its 4 s for more offers whatever we send.
    if (client.ipxe !== 'no') options.set(OPTION.ipxe, NO_PROXY_DHCP);
    echo(options, request);
    return encodeDhcp(
      {
        ...replyTo(request),
        ciaddr: type === MESSAGE_TYPE.ack ? request.ciaddr : ANY_IPV4,
        yiaddr: address,
        siaddr: this.#nextServer,
        file: boot && fitsFileField(boot.choice.file) ? boot.choice.file : '',
        options,
      },
      maxBytesOf(request),
    );
  }

  #setTimes(options: Map<number, Uint8Array>, seconds: number, requested: Uint8Array | undefined): void {
    options.set(OPTION.leaseTime, u32Value(seconds));
    // T1 and T2 of RFC 2131 §4.4.5; clients take the same values when they are not told.
    if (isWanted(requested, OPTION.renewalTime)) options.set(OPTION.renewalTime, u32Value(seconds * 0.5));
    if (isWanted(requested, OPTION.rebindingTime))
      options.set(OPTION.rebindingTime, u32Value(seconds * 0.875));
  }

  /** In the order of the client's list (RFC 2132 §9.8); everything when it has none. The mask is always sent. */
  #setRequested(
    options: Map<number, Uint8Array>,
    request: DhcpMessage,
    requested: Uint8Array | undefined,
  ): void {
    const mask = this.#fixed.get(OPTION.subnetMask);
    if (mask) options.set(OPTION.subnetMask, mask);
    for (const tag of requested ?? this.#fixed.keys()) {
      const value = this.#fixed.get(tag);
      if (value) options.set(tag, value);
    }
    const hostname = this.#hostnames.get(request.mac);
    if (hostname && isWanted(requested, OPTION.hostname)) options.set(OPTION.hostname, hostname);
  }

  #bootOf(client: BootingClient): BootValues | null {
    if (!client.boots) return null;
    const key = `${client.archCode} ${client.ipxe} ${client.http}`;
    let values = this.#bootValues.get(key);
    if (values === undefined) {
      const choice = chooseBootFile(client, {
        server: { address: this.#nextServer, httpPort: this.#config.bootHttpPort },
        disabled: this.#subnet.disabledBootArchitectures ?? [],
        loaders: this.#subnet.loaders ?? {},
      });
      values = choice && {
        choice,
        bootFile: textValue(choice.file),
        pathPrefix: choice.pathPrefix === undefined ? null : textValue(choice.pathPrefix),
      };
      this.#bootValues.set(key, values);
    }
    return values;
  }
}

/** A NAK that says why (RFC 2131 §4.3.2, table 3): no addresses, and broadcast beyond the relay. */
export function writeNak(server: Ipv4, request: DhcpMessage, reason: string): Uint8Array {
  const options = new Map<number, Uint8Array>([
    [OPTION.messageType, u8Value(MESSAGE_TYPE.nak)],
    [OPTION.serverIdentifier, u32Value(server)],
    [OPTION.message, textValue(reason)],
  ]);
  echo(options, request);
  const flags = broadcastFlag(wantsBroadcast(request) || request.giaddr !== 0);
  return encodeDhcp({ ...replyTo(request), flags, options }, maxBytesOf(request));
}

/**
 * Where a reply goes (RFC 2131 §4.1): to the relay; to everybody when it is a NAK or asked for; to the address the
 * client has; else to the address it is getting, at its hardware address, since it can't answer ARP yet.
 */
export function replyDestination(request: DhcpMessage, type: number, address: Ipv4): Peer {
  if (request.giaddr !== 0) return { address: request.giaddr, port: DHCP_SERVER_PORT };
  if (type === MESSAGE_TYPE.nak) return { address: BROADCAST_IPV4, port: DHCP_CLIENT_PORT };
  // A DISCOVER has no address yet, whatever it says in ciaddr (RFC 2131 table 5).
  if (request.ciaddr !== 0 && type !== MESSAGE_TYPE.offer)
    return { address: request.ciaddr, port: DHCP_CLIENT_PORT, mac: request.mac };
  if (wantsBroadcast(request) || address === 0) return { address: BROADCAST_IPV4, port: DHCP_CLIENT_PORT };
  return { address, port: DHCP_CLIENT_PORT, mac: request.mac };
}

/** What every reply copies from its request (RFC 2131 table 3). */
function replyTo(request: DhcpMessage): DhcpMessage {
  return dhcpMessage({
    op: BOOT_REPLY,
    xid: request.xid,
    flags: broadcastFlag(wantsBroadcast(request)),
    giaddr: request.giaddr,
    mac: request.mac,
    options: request.options,
  });
}

/** The client identifier (RFC 6842) and, last, the relay's own information (RFC 3046 §2.2) go back as they came. */
function echo(options: Map<number, Uint8Array>, request: DhcpMessage): void {
  for (const tag of [OPTION.clientIdentifier, OPTION.relayAgent]) {
    const value = request.options.get(tag);
    if (value) options.set(tag, value);
  }
}

function setBoot(
  options: Map<number, Uint8Array>,
  boot: BootValues,
  requested: Uint8Array | undefined,
): void {
  if (isWanted(requested, OPTION.bootFile) || !fitsFileField(boot.choice.file))
    options.set(OPTION.bootFile, boot.bootFile);
  // lpxelinux asks for 210 only after it was loaded, when nobody answers any more: MAAS forces it, and so do we.
  if (boot.pathPrefix) options.set(OPTION.pxelinuxPathPrefix, boot.pathPrefix);
}

function fixedOptions(subnet: DhcpSubnet, nextServer: Ipv4): Map<number, Uint8Array> {
  const { cidr, gateway, dnsServers = [], domain = '', ntpServers = [], mtu = 1500 } = subnet;
  const domainSearch = subnet.domainSearch ?? (domain === '' ? [] : [domain]);
  const options = new Map<number, Uint8Array>([[OPTION.subnetMask, u32Value(netmask(cidr))]]);
  if (gateway !== undefined) options.set(OPTION.router, u32Value(gateway));
  if (dnsServers.length > 0) options.set(OPTION.dnsServers, ipv4ListValue(dnsServers));
  if (domain !== '') options.set(OPTION.domainName, textValue(domain));
  if (mtu !== 1500) options.set(OPTION.interfaceMtu, u16Value(mtu));
  options.set(OPTION.broadcastAddress, u32Value(broadcastOf(cidr)));
  if (ntpServers.length > 0) options.set(OPTION.ntpServers, ipv4ListValue(ntpServers));
  if (domainSearch.length > 0) options.set(OPTION.domainSearch, domainListValue(domainSearch));
  options.set(OPTION.tftpServerName, textValue(formatIpv4(nextServer)));
  return options;
}

function isWanted(requested: Uint8Array | undefined, tag: number): boolean {
  return requested === undefined || requested.includes(tag);
}

/** Option 57 counts the IP and UDP headers; less than 576 is not allowed (RFC 2132 §9.10). */
function maxBytesOf(request: DhcpMessage): number {
  const bytes = readU16(request.options, OPTION.maxMessageSize);
  return bytes === null ? DEFAULT_MAX_MESSAGE_BYTES : Math.max(bytes, 576) - IP_AND_UDP_BYTES;
}
