import {
  broadcastOf,
  type Cidr,
  contains,
  formatCidr,
  formatIpv4,
  formatMac,
  type Ipv4,
  type Mac,
} from '../../base/address.ts';
import { rackboxError } from '../../base/error-catalogue.ts';
import type { DisabledArch, LoaderTable } from './boot-file.ts';

/** From `first` to `last`, both included. */
export interface AddressRange {
  readonly first: Ipv4;
  readonly last: Ipv4;
}

/** An address kept for one machine: anywhere in the subnet, inside the ranges or not. */
interface Reservation {
  readonly mac: Mac;
  readonly address: Ipv4;
  readonly hostname?: string;
}

/** One IP network that is served: directly, or through relays (chosen by their address, giaddr). */
export interface DhcpSubnet {
  readonly cidr: Cidr;
  /** The dynamic pool. Empty: reservations only. */
  readonly ranges: readonly AddressRange[];
  readonly reservations?: readonly Reservation[];
  readonly gateway?: Ipv4;
  readonly dnsServers?: readonly Ipv4[];
  readonly domain?: string;
  /** Default: the domain alone. */
  readonly domainSearch?: readonly string[];
  readonly ntpServers?: readonly Ipv4[];
  /** Sent when it is not 1500. */
  readonly mtu?: number;
  /** Where loaders are fetched. Default: the server's own address. */
  readonly nextServer?: Ipv4;
  /** MAAS's `disabled_boot_architectures`. */
  readonly disabledBootArchitectures?: readonly DisabledArch[];
  /** Loaders other than the default table's, e.g. `{ bios: { file: 'undionly.kpxe' } }`. */
  readonly loaders?: LoaderTable;
}

export interface DhcpConfig {
  readonly subnets: readonly DhcpSubnet[];
  /** Port of the boot HTTP server, for URLs. Default 5248. */
  readonly bootHttpPort?: number;
  /** Lease time. Default 600 s (MAAS). Clients can't choose another. */
  readonly leaseSeconds?: number;
  /** Lease time of PXE firmware, which never renews and never releases. Default 30 s (MAAS). */
  readonly pxeLeaseSeconds?: number;
  /** How long an offered address is kept for the client. Default 60 s. */
  readonly offerSeconds?: number;
  /** How long an address that somebody else uses is avoided. Default 3600 s. */
  readonly declinedSeconds?: number;
  /** Most offers held at a time; the oldest gives way. Default 4096. */
  readonly maxOffers?: number;
  /** How long an address is probed before it is offered to a new client; 0 offers at once. Default 250 ms. */
  readonly probeTimeoutMs?: number;
}

/** The configuration with every default filled in. */
export type FullDhcpConfig = Required<DhcpConfig>;

const MAX_DYNAMIC_ADDRESSES = 1 << 20;

/** Fills in the defaults. Throws BAD_ARGUMENT, naming the first thing that cannot work. */
export function completeDhcpConfig(config: DhcpConfig, serverAddress: Ipv4): FullDhcpConfig {
  const full: FullDhcpConfig = {
    bootHttpPort: 5248,
    leaseSeconds: 600,
    pxeLeaseSeconds: 30,
    offerSeconds: 60,
    declinedSeconds: 3600,
    maxOffers: 4096,
    probeTimeoutMs: 250,
    ...config,
  };
  const problem = findConfigProblem(full, serverAddress);
  if (problem !== null)
    throw rackboxError('BAD_ARGUMENT', {
      what: 'The DHCP configuration',
      problem,
      hint: "Correct the network's ranges and reservations.",
    });
  return full;
}

function findConfigProblem(config: FullDhcpConfig, serverAddress: Ipv4): string | null {
  for (const name of ['leaseSeconds', 'pxeLeaseSeconds', 'offerSeconds', 'maxOffers'] as const)
    if (!(config[name] >= 1)) return `${name} must be at least 1`;
  if (!(config.declinedSeconds >= 0 && config.probeTimeoutMs >= 0)) return 'a time is negative';
  const seen: Cidr[] = [];
  for (const subnet of config.subnets) {
    const other = seen.find((c) => contains(c, subnet.cidr.network) || contains(subnet.cidr, c.network));
    if (other) return `networks ${formatCidr(other)} and ${formatCidr(subnet.cidr)} overlap`;
    seen.push(subnet.cidr);
    const problem = findRangeProblem(subnet, serverAddress) ?? findReservationProblem(subnet, serverAddress);
    if (problem !== null) return `in ${formatCidr(subnet.cidr)}, ${problem}`;
  }
  return null;
}

function findRangeProblem(subnet: DhcpSubnet, serverAddress: Ipv4): string | null {
  let total = 0;
  const sorted = [...subnet.ranges].sort((a, b) => a.first - b.first);
  for (const [i, range] of sorted.entries()) {
    const name = formatRange(range);
    if (range.first > range.last) return `range ${name} ends before it begins`;
    if (!isHostAddress(subnet.cidr, range.first) || !isHostAddress(subnet.cidr, range.last))
      return `range ${name} is not inside the network`;
    const next = sorted[i + 1];
    if (next && next.first <= range.last) return `ranges ${name} and ${formatRange(next)} overlap`;
    for (const [owner, address] of [
      ["the server's own address", serverAddress],
      ['the gateway', subnet.gateway],
    ] as const)
      if (address !== undefined && address >= range.first && address <= range.last)
        return `range ${name} contains ${owner}, ${formatIpv4(address)}`;
    total += range.last - range.first + 1;
  }
  return total > MAX_DYNAMIC_ADDRESSES
    ? `the ranges have more than ${MAX_DYNAMIC_ADDRESSES} addresses`
    : null;
}

function findReservationProblem(subnet: DhcpSubnet, serverAddress: Ipv4): string | null {
  const macs = new Set<Mac>();
  const addresses = new Set<Ipv4>();
  for (const { mac, address } of subnet.reservations ?? []) {
    const text = formatIpv4(address);
    if (!isHostAddress(subnet.cidr, address)) return `reserved address ${text} is not inside the network`;
    if (address === serverAddress) return `reserved address ${text} is the server's own`;
    if (addresses.has(address)) return `address ${text} is reserved twice`;
    if (macs.has(mac)) return `${formatMac(mac)} has two reservations`;
    addresses.add(address);
    macs.add(mac);
  }
  return null;
}

/** Inside the network, and neither its first nor its broadcast address (which /31 and /32 do not have). */
function isHostAddress(cidr: Cidr, address: Ipv4): boolean {
  if (!contains(cidr, address)) return false;
  return cidr.prefix >= 31 || (address !== cidr.network && address !== broadcastOf(cidr));
}

function formatRange(range: AddressRange): string {
  return `${formatIpv4(range.first)}–${formatIpv4(range.last)}`;
}
