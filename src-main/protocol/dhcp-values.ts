import type { Ipv4 } from '../base/address.ts';
import type { DhcpOptions } from './dhcp-options.ts';

/** Typed readers of option values: null when the option is absent or its length does not suit its type. */

export function readU8(options: DhcpOptions, tag: number): number | null {
  const value = options.get(tag);
  return value?.length === 1 ? (value[0] ?? 0) : null;
}

export function readU16(options: DhcpOptions, tag: number): number | null {
  const value = options.get(tag);
  return value?.length === 2 ? ((value[0] ?? 0) << 8) | (value[1] ?? 0) : null;
}

export function readU32(options: DhcpOptions, tag: number): number | null {
  const value = options.get(tag);
  return value?.length === 4 ? u32At(value, 0) : null;
}

export function readIpv4(options: DhcpOptions, tag: number): Ipv4 | null {
  return readU32(options, tag) as Ipv4 | null;
}

/** One or more addresses; null when the length is no multiple of four. */
export function readIpv4List(options: DhcpOptions, tag: number): Ipv4[] | null {
  const value = options.get(tag);
  if (!value || value.length === 0 || value.length % 4 !== 0) return null;
  return Array.from({ length: value.length / 4 }, (_, i) => u32At(value, i * 4) as Ipv4);
}

/** Text without the trailing NULs that some clients add (RFC 2132 §2). */
export function readText(options: DhcpOptions, tag: number): string | null {
  const value = options.get(tag);
  return value ? textOf(value) : null;
}

export function textOf(value: Uint8Array): string {
  let end = value.length;
  while (end > 0 && value[end - 1] === 0) end--;
  let text = '';
  for (let i = 0; i < end; i++) text += String.fromCharCode(value[i] ?? 0);
  return text;
}

/** Writers of option values. */

export function u8Value(value: number): Uint8Array {
  return Uint8Array.of(value);
}

export function u16Value(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value);
}

export function u32Value(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

export function ipv4ListValue(addresses: readonly Ipv4[]): Uint8Array {
  const value = new Uint8Array(addresses.length * 4);
  addresses.forEach((address, i) => {
    value.set(u32Value(address), i * 4);
  });
  return value;
}

/** Latin-1 text without a NUL. */
export function textValue(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Domain names as DNS labels (RFC 3397 §2; no compression). Labels longer than 63 bytes are cut. */
export function domainListValue(domains: readonly string[]): Uint8Array {
  const bytes: number[] = [];
  for (const domain of domains) {
    for (const label of domain.split('.').filter((part) => part !== '')) {
      const text = textValue(label).subarray(0, 63);
      bytes.push(text.length, ...text);
    }
    bytes.push(0);
  }
  return Uint8Array.from(bytes);
}

/**
 * Encapsulated options (43, 82, 175): tag, length, value, without RFC 3396. `padded` says whether tags 0 and 255
 * are pad and end (43, 175), or plain tags (82, RFC 3046 §2.0). Reading stops at a length that overruns.
 */
export function readSubOptions(value: Uint8Array, padded = true): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  let at = 0;
  while (at < value.length) {
    const tag = value[at++] ?? 0;
    if (padded && tag === 0) continue;
    if (padded && tag === 255) break;
    const length = value[at++];
    if (length === undefined || at + length > value.length) break;
    found.set(tag, value.subarray(at, at + length));
    at += length;
  }
  return found;
}

export function subOptionsValue(options: Iterable<readonly [number, Uint8Array]>): Uint8Array {
  const bytes: number[] = [];
  for (const [tag, value] of options) bytes.push(tag, value.length, ...value);
  return Uint8Array.from(bytes);
}

function u32At(value: Uint8Array, at: number): number {
  return (
    (((value[at] ?? 0) << 24) |
      ((value[at + 1] ?? 0) << 16) |
      ((value[at + 2] ?? 0) << 8) |
      (value[at + 3] ?? 0)) >>>
    0
  );
}
