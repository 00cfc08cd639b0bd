/**
 * SMBIOS structures and the 32-bit entry point (DMTF DSP0134 2.8, §5.2.1 and §6.1).
 * What each structure type means is in `smbios-records.ts`.
 */
export interface SmbiosStructure {
  readonly type: number;
  readonly handle: number;
  /** The formatted area after the four header bytes. */
  readonly data: Uint8Array;
  /** The string set; a string number in `data` counts from 1, 0 is "none". */
  readonly strings: readonly string[];
}

export interface SmbiosEntryPoint {
  readonly major: number;
  readonly minor: number;
  readonly maxStructureSize: number;
  readonly tableLength: number;
  readonly tableAddress: number;
  readonly structureCount: number;
}

export const END_OF_TABLE = 127;
const HEADER = 4;
const ENTRY_POINT = 31;
const MAX_DATA = 255 - HEADER;

/** Puts structures one after the other; RangeError when one can't be expressed (a mistake in code). */
export function encodeStructures(structures: readonly SmbiosStructure[]): Uint8Array {
  return concat(structures.map(encodeStructure));
}

function encodeStructure({ type, handle, data, strings }: SmbiosStructure): Uint8Array {
  if (data.length > MAX_DATA || strings.length > 255) throw new RangeError('SMBIOS structure too long');
  if (!strings.every(isExpressible)) throw new RangeError('an SMBIOS string is not empty and Latin-1');
  const header = Uint8Array.of(type, HEADER + data.length, handle & 255, handle >> 8);
  // A structure without strings still ends in two zero bytes (§6.1.3).
  const set = strings.length === 0 ? '\0\0' : `${strings.join('\0')}\0\0`;
  return concat([header, data, latin1(set)]);
}

function isExpressible(text: string): boolean {
  const codes = Array.from(text, (_, i) => text.charCodeAt(i));
  return text !== '' && codes.every((code) => code > 0 && code < 256);
}

/** Reads structures up to the end-of-table structure or the end of the bytes; null when malformed. */
export function decodeStructures(bytes: Uint8Array): SmbiosStructure[] | null {
  const structures: SmbiosStructure[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes[at + 1] ?? 0;
    const end = at + length;
    if (length < HEADER || end + 2 > bytes.length) return null;
    const set = readStrings(bytes, end);
    if (!set) return null;
    const type = bytes[at] ?? 0;
    const handle = (bytes[at + 2] ?? 0) | ((bytes[at + 3] ?? 0) << 8);
    structures.push({ type, handle, data: bytes.slice(at + HEADER, end), strings: set.strings });
    at = set.next;
    if (type === END_OF_TABLE) break;
  }
  return structures;
}

function readStrings(bytes: Uint8Array, from: number): { strings: string[]; next: number } | null {
  if (bytes[from] === 0) return bytes[from + 1] === 0 ? { strings: [], next: from + 2 } : null;
  const strings: string[] = [];
  for (let at = from; ; ) {
    const end = bytes.indexOf(0, at);
    if (end < 0) return null;
    if (end === at) return { strings, next: end + 1 };
    strings.push(String.fromCharCode(...bytes.subarray(at, end)));
    at = end + 1;
  }
}

/** The entry point of a table with these structures, checksums done; `tableAddress` 0 lets the firmware place it. */
export function encodeEntryPoint(entry: SmbiosEntryPoint): Uint8Array {
  const bytes = new Uint8Array(ENTRY_POINT);
  const view = new DataView(bytes.buffer);
  bytes.set(latin1('_SM_'), 0);
  bytes[5] = ENTRY_POINT;
  bytes[6] = entry.major;
  bytes[7] = entry.minor;
  view.setUint16(8, entry.maxStructureSize, true);
  bytes.set(latin1('_DMI_'), 16);
  view.setUint16(22, entry.tableLength, true);
  view.setUint32(24, entry.tableAddress, true);
  view.setUint16(28, entry.structureCount, true);
  bytes[30] = (entry.major << 4) | entry.minor;
  bytes[21] = -sum(bytes, 16, ENTRY_POINT) & 255;
  bytes[4] = -sum(bytes, 0, ENTRY_POINT) & 255;
  return bytes;
}

/** Null when an anchor or a checksum is wrong. */
export function decodeEntryPoint(bytes: Uint8Array): SmbiosEntryPoint | null {
  if (bytes.length < ENTRY_POINT || bytes[5] !== ENTRY_POINT) return null;
  const text = (from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));
  if (text(0, 4) !== '_SM_' || text(16, 21) !== '_DMI_') return null;
  if (sum(bytes, 0, ENTRY_POINT) !== 0 || sum(bytes, 16, ENTRY_POINT) !== 0) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, ENTRY_POINT);
  return {
    major: view.getUint8(6),
    minor: view.getUint8(7),
    maxStructureSize: view.getUint16(8, true),
    tableLength: view.getUint16(22, true),
    tableAddress: view.getUint32(24, true),
    structureCount: view.getUint16(28, true),
  };
}

/** A table and the entry point that describes it, as SeaBIOS takes them (`etc/smbios/smbios-…`). */
export function encodeTable(structures: readonly SmbiosStructure[]): {
  readonly table: Uint8Array;
  readonly entryPoint: Uint8Array;
} {
  const encoded = structures.map(encodeStructure);
  const table = concat(encoded);
  const entryPoint = encodeEntryPoint({
    major: 2,
    minor: 8,
    maxStructureSize: Math.max(0, ...encoded.map((bytes) => bytes.length)),
    tableLength: table.length,
    tableAddress: 0,
    structureCount: structures.length,
  });
  return { table, entryPoint };
}

/** Order of the bytes of a text UUID in SMBIOS: the first three fields are little-endian (§7.2.1). */
const UUID_ORDER = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15] as const;

/** The 16 bytes of a text UUID as SMBIOS and DHCP option 97 carry them; null when it is not a UUID. */
export function encodeUuid(text: string): Uint8Array | null {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) return null;
  const hex = text.replaceAll('-', '');
  return Uint8Array.from(UUID_ORDER, (i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));
}

/** The text form, lower case, of 16 bytes in SMBIOS order; null for any other length. */
export function decodeUuid(bytes: Uint8Array): string | null {
  if (bytes.length !== 16) return null;
  // The order is its own inverse.
  const hex = UUID_ORDER.map((i) => (bytes[i] ?? 0).toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

function sum(bytes: Uint8Array, from: number, to: number): number {
  return bytes.subarray(from, to).reduce((total, byte) => total + byte, 0) & 255;
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
