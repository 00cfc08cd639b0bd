import { type DhcpOptions, OPTION } from './dhcp-options.ts';
import { readSubOptions, subOptionsValue, textOf } from './dhcp-values.ts';

/** What network boot adds to DHCP: RFC 4578 (93, 94, 97), RFC 3004 (77), PXE 2.1 (43), iPXE (175). */

/** Processor architecture types that we know by name (RFC 5970 §3.3, IANA "Processor Architecture Types"). */
export const ARCH = {
  bios: 0x00,
  uefiIa32: 0x06,
  /** Registered for x86-64 after an erratum of RFC 4578; what every x86-64 UEFI sends. */
  uefiX64: 0x07,
  /** Registered for EBC, sent by some x86-64 firmware. */
  uefiEbc: 0x09,
  uefiArm64: 0x0b,
  openFirmware: 0x0c,
  powerNv: 0x0e,
  uefiX64Http: 0x10,
  uefiArm64Http: 0x13,
  s390x: 0x1f,
  s390xPartition: 0x20,
} as const;

/** Features that iPXE announces in option 175 (iPXE `features.h`). */
const IPXE_FEATURE = {
  tftp: 0x15,
  http: 0x13,
  bzImage: 0x18,
  efi: 0x24,
  pxe: 0x21,
} as const;

/** iPXE settings that a server sends inside option 175. */
export const IPXE_NO_PXEDHCP = 0xb0;
/** PXE 2.1 §2.4: discovery control, sub-option 6 of option 43. Bit 3: boot the file of the offer, no discovery. */
export const PXE_DISCOVERY_CONTROL = 6;
export const PXE_BOOT_OFFERED_FILE = 8;

/** The architectures of option 93, most wanted first; empty when absent or damaged. */
export function readArchitectures(options: DhcpOptions): number[] {
  const value = options.get(OPTION.clientArch);
  if (!value || value.length % 2 !== 0) return [];
  return Array.from(
    { length: value.length / 2 },
    (_, i) => ((value[i * 2] ?? 0) << 8) | (value[i * 2 + 1] ?? 0),
  );
}

/**
 * The user classes of option 77: length-prefixed instances (RFC 3004 §4) or, as iPXE and ISC's dhclient send it,
 * one bare text.
 */
export function readUserClasses(options: DhcpOptions): string[] {
  const value = options.get(OPTION.userClass);
  if (!value || value.length === 0) return [];
  const classes: string[] = [];
  for (let at = 0; at < value.length; ) {
    const length = value[at++] ?? 0;
    if (length === 0 || at + length > value.length) return [textOf(value)];
    classes.push(textOf(value.subarray(at, at + length)));
    at += length;
  }
  return classes;
}

/** RFC 3004's form of option 77. Classes longer than 255 bytes are cut. */
export function userClassValue(classes: readonly string[]): Uint8Array {
  const bytes: number[] = [];
  for (const name of classes) {
    const text = [...name].slice(0, 255).map((character) => character.charCodeAt(0));
    bytes.push(text.length, ...text);
  }
  return Uint8Array.from(bytes);
}

/** Interface type and version of option 94 (1 = UNDI), or null. */
export function readNetworkInterface(
  options: DhcpOptions,
): { type: number; major: number; minor: number } | null {
  const value = options.get(OPTION.clientNetworkInterface);
  if (value?.length !== 3) return null;
  return { type: value[0] ?? 0, major: value[1] ?? 0, minor: value[2] ?? 0 };
}

/** Byte positions of the SMBIOS UUID's text form: its first three fields are little-endian (SMBIOS 3.x §7.2.1). */
const UUID_ORDER = [3, 2, 1, 0, -1, 5, 4, -1, 7, 6, -1, 8, 9, -1, 10, 11, 12, 13, 14, 15];

/** The machine's UUID of option 97 as lower-case text; null when absent, of another type, or all zero. */
export function readClientUuid(options: DhcpOptions): string | null {
  const value = options.get(OPTION.clientUuid);
  if (value?.length !== 17 || value[0] !== 0 || value.subarray(1).every((byte) => byte === 0)) return null;
  return UUID_ORDER.map((i) => (i < 0 ? '-' : (value[i + 1] ?? 0).toString(16).padStart(2, '0'))).join('');
}

/** Option 97 from a UUID's text form; null when it is not one. */
export function clientUuidValue(uuid: string): Uint8Array | null {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(uuid)) return null;
  const text = Uint8Array.from(uuid.replaceAll('-', '').match(/../g) ?? [], (pair) =>
    Number.parseInt(pair, 16),
  );
  const value = new Uint8Array(17);
  UUID_ORDER.filter((i) => i >= 0).forEach((wireAt, textAt) => {
    value[wireAt + 1] = text[textAt] ?? 0;
  });
  return value;
}

/** iPXE's encapsulated options; null when the client sent none, so it is no iPXE. */
export function readIpxeOptions(options: DhcpOptions): Map<number, Uint8Array> | null {
  const value = options.get(OPTION.ipxe);
  return value ? readSubOptions(value) : null;
}

/**
 * True for an iPXE that fetches scripts by HTTP and starts kernels: HTTP, and bzImage or EFI images. VirtualBox's
 * built-in iPXE says "iPXE" too, but can only load a PXE boot loader by TFTP.
 */
export function isFullIpxe(features: ReadonlyMap<number, Uint8Array>): boolean {
  return (
    features.has(IPXE_FEATURE.http) && (features.has(IPXE_FEATURE.bzImage) || features.has(IPXE_FEATURE.efi))
  );
}

/** Option 175 that stops iPXE from waiting 3 s for ProxyDHCP offers. */
export function noProxyDhcpValue(): Uint8Array {
  return subOptionsValue([[IPXE_NO_PXEDHCP, Uint8Array.of(1)]]);
}
