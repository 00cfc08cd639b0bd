/**
 * Network addresses as branded numbers: cheap map keys on the packet path, impossible to mix up in types.
 * Text appears only at the edges (API, logs, configuration).
 */

/** A 48-bit Ethernet address as an integer (fits a double exactly). */
export type Mac = number & { readonly __brand: 'Mac' };
/** An IPv4 address as an unsigned 32-bit integer. */
export type Ipv4 = number & { readonly __brand: 'Ipv4' };
/** An IPv4 network: its first address and prefix length. */
export interface Cidr {
  readonly network: Ipv4;
  readonly prefix: number;
}

export const BROADCAST_MAC = 0xffffffffffff as Mac;
export const ANY_IPV4 = 0 as Ipv4;
export const BROADCAST_IPV4 = 0xffffffff as Ipv4;

const MAC_TEXT =
  /^([0-9a-f]{2})[:-]([0-9a-f]{2})[:-]([0-9a-f]{2})[:-]([0-9a-f]{2})[:-]([0-9a-f]{2})[:-]([0-9a-f]{2})$/i;

/** Reads `aa:bb:cc:dd:ee:ff` (colons or dashes, any case); null when it is not a MAC. */
export function parseMac(text: string): Mac | null {
  const match = MAC_TEXT.exec(text.trim());
  return match ? (Number.parseInt(match.slice(1).join(''), 16) as Mac) : null;
}

/** Like {@link parseMac} for constants in code: throws on a typo. */
export function mac(text: string): Mac {
  const value = parseMac(text);
  if (value === null) throw new TypeError(`not a MAC address: ${text}`);
  return value;
}

/** Writes a MAC as lower-case hex pairs, colon separated unless told otherwise. */
export function formatMac(value: Mac, separator = ':'): string {
  return value
    .toString(16)
    .padStart(12, '0')
    .replace(/..(?=.)/g, `$&${separator}`);
}

/** The Ethernet address at `offset`; the caller has checked the length. */
export function readMac(bytes: Uint8Array, offset: number): Mac {
  const high = ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
  const upper = ((bytes[offset + 2] ?? 0) << 24) | ((bytes[offset + 3] ?? 0) << 16);
  const low = upper | ((bytes[offset + 4] ?? 0) << 8) | (bytes[offset + 5] ?? 0);
  return (high * 0x100000000 + (low >>> 0)) as Mac;
}

/** Stores `value` as six bytes at `offset`. */
export function writeMac(bytes: Uint8Array, offset: number, value: Mac): void {
  const high = Math.floor(value / 0x100000000);
  const low = value | 0;
  bytes[offset] = high >>> 8;
  bytes[offset + 1] = high & 0xff;
  bytes[offset + 2] = low >>> 24;
  bytes[offset + 3] = (low >>> 16) & 0xff;
  bytes[offset + 4] = (low >>> 8) & 0xff;
  bytes[offset + 5] = low & 0xff;
}

/** True for broadcast and multicast destinations (the group bit of the first octet, IEEE 802.3). */
export function isGroupMac(value: Mac): boolean {
  return Math.floor(value / 0x10000000000) % 2 === 1;
}

/** Reads dotted decimal; null when it is not an IPv4 address (no leading zeros, no short forms). */
export function parseIpv4(text: string): Ipv4 | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  let value = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return null;
    value = value * 256 + Number(part);
  }
  return value as Ipv4;
}

/** Like {@link parseIpv4} for constants in code: throws on a typo. */
export function ipv4(text: string): Ipv4 {
  const value = parseIpv4(text);
  if (value === null) throw new TypeError(`not an IPv4 address: ${text}`);
  return value;
}

export function formatIpv4(value: Ipv4): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

/** Reads `10.77.0.0/24`; host bits are cleared. Null when it is not a network. */
export function parseCidr(text: string): Cidr | null {
  const [address, prefixText, more] = text.split('/');
  const value = parseIpv4(address ?? '');
  if (value === null || more !== undefined || !/^\d{1,2}$/.test(prefixText ?? '')) return null;
  const prefix = Number(prefixText);
  return prefix > 32 ? null : { network: ((value & maskOf(prefix)) >>> 0) as Ipv4, prefix };
}

/** Like {@link parseCidr} for constants in code: throws on a typo. */
export function cidr(text: string): Cidr {
  const value = parseCidr(text);
  if (value === null) throw new TypeError(`not an IPv4 network: ${text}`);
  return value;
}

export function formatCidr(value: Cidr): string {
  return `${formatIpv4(value.network)}/${value.prefix}`;
}

/** The netmask of a prefix length, e.g. 24 → 255.255.255.0. */
export function maskOf(prefix: number): Ipv4 {
  return (prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0) as Ipv4;
}

export function netmask(network: Cidr): Ipv4 {
  return maskOf(network.prefix);
}

/** The directed broadcast address of a network. */
export function broadcastOf(network: Cidr): Ipv4 {
  return ((network.network | ~maskOf(network.prefix)) >>> 0) as Ipv4;
}

export function contains(network: Cidr, address: Ipv4): boolean {
  return (address & maskOf(network.prefix)) >>> 0 === network.network;
}
