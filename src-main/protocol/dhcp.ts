import { ANY_IPV4, type Ipv4, type Mac, readMac, writeMac } from '../base/address.ts';
import {
  type DhcpOptions,
  FILE_END,
  FILE_START,
  OPTION,
  OPTIONS_START,
  readOptions,
  SNAME_START,
  writeOptions,
} from './dhcp-options.ts';

/** DHCP over BOOTP (RFC 951, RFC 2131 §2): bytes ↔ a typed message. Decoding never throws. */

export const DHCP_SERVER_PORT = 67;
export const DHCP_CLIENT_PORT = 68;
export const BOOT_REQUEST = 1;
export const BOOT_REPLY = 2;
/** Hardware type of Ethernet (IANA ARP parameters). */
export const HTYPE_ETHERNET = 1;

/** Values of option 53 (RFC 2132 §9.6). */
export const MESSAGE_TYPE = {
  discover: 1,
  offer: 2,
  request: 3,
  decline: 4,
  ack: 5,
  nak: 6,
  release: 7,
  inform: 8,
} as const;

/** Relays and old BOOTP clients drop anything shorter (RFC 951 §3, RFC 1542 §2.1). */
const MIN_MESSAGE_BYTES = 300;
/** 576 bytes of IP that every client must accept (RFC 2131 §2), less the IP and UDP headers. */
export const DEFAULT_MAX_MESSAGE_BYTES = 548;
/** What fits into one Ethernet frame. */
export const LARGEST_MESSAGE_BYTES = 1472;
const MAGIC_COOKIE = 0x63825363;
const BROADCAST_FLAG = 0x8000;

export interface DhcpMessage {
  readonly op: number;
  readonly htype: number;
  readonly hlen: number;
  readonly hops: number;
  readonly xid: number;
  readonly secs: number;
  readonly flags: number;
  readonly ciaddr: Ipv4;
  readonly yiaddr: Ipv4;
  readonly siaddr: Ipv4;
  readonly giaddr: Ipv4;
  /** The first six bytes of chaddr: the client's address when htype is 1 and hlen 6. */
  readonly mac: Mac;
  /** Server host name; '' when unused. */
  readonly sname: string;
  /** Boot file name; '' when unused. */
  readonly file: string;
  readonly options: DhcpOptions;
  /** An option's length ran past the packet; the options before it are kept. Ignored by the encoder. */
  readonly damaged: boolean;
}

/** A message with everything that is not given at its usual value: an Ethernet BOOTREQUEST without addresses. */
export function dhcpMessage(
  fields: Partial<DhcpMessage> & Pick<DhcpMessage, 'xid' | 'mac' | 'options'>,
): DhcpMessage {
  return {
    op: BOOT_REQUEST,
    htype: HTYPE_ETHERNET,
    hlen: 6,
    hops: 0,
    secs: 0,
    flags: 0,
    ciaddr: ANY_IPV4,
    yiaddr: ANY_IPV4,
    siaddr: ANY_IPV4,
    giaddr: ANY_IPV4,
    sname: '',
    file: '',
    damaged: false,
    ...fields,
  };
}

/** True when the client asks for broadcast replies (RFC 2131 §4.1). */
export function wantsBroadcast(message: DhcpMessage): boolean {
  return (message.flags & BROADCAST_FLAG) !== 0;
}

/** The flags field with only the broadcast bit as wanted; the other bits must be zero (RFC 2131 §2). */
export function broadcastFlag(wanted: boolean): number {
  return wanted ? BROADCAST_FLAG : 0;
}

/** The message in `bytes`, or null when it is no DHCP message at all. Option values are views into `bytes`. */
export function decodeDhcp(bytes: Uint8Array): DhcpMessage | null {
  if (bytes.length < OPTIONS_START || read32(bytes, FILE_END) !== MAGIC_COOKIE) return null;
  const op = bytes[0] ?? 0;
  if (op !== BOOT_REQUEST && op !== BOOT_REPLY) return null;
  const { options, fileIsOptions, snameIsOptions, damaged } = readOptions(bytes);
  return {
    op,
    htype: bytes[1] ?? 0,
    hlen: bytes[2] ?? 0,
    hops: bytes[3] ?? 0,
    xid: read32(bytes, 4),
    secs: read16(bytes, 8),
    flags: read16(bytes, 10),
    ciaddr: read32(bytes, 12) as Ipv4,
    yiaddr: read32(bytes, 16) as Ipv4,
    siaddr: read32(bytes, 20) as Ipv4,
    giaddr: read32(bytes, 24) as Ipv4,
    mac: readMac(bytes, 28),
    sname: snameIsOptions ? '' : readText(bytes, SNAME_START, FILE_START),
    file: fileIsOptions ? '' : readText(bytes, FILE_START, FILE_END),
    options,
    damaged,
  };
}

const scratch = new Uint8Array(LARGEST_MESSAGE_BYTES);

/**
 * The bytes of a message, padded to 300 and at most `maxBytes` long. Options keep their order; those that do not
 * fit go into unused `file` and `sname` fields (option 52), then are left out from the end.
 *
 *     encodeDhcp(dhcpMessage({ xid: 1, mac: mac('52:54:00:00:00:01'), options: new Map([[53, Uint8Array.of(1)]]) }))
 */
export function encodeDhcp(message: DhcpMessage, maxBytes = DEFAULT_MAX_MESSAGE_BYTES): Uint8Array {
  const limit = Math.min(Math.max(maxBytes, MIN_MESSAGE_BYTES), LARGEST_MESSAGE_BYTES);
  scratch.fill(0, 0, limit);
  scratch[0] = message.op;
  scratch[1] = message.htype;
  scratch[2] = message.hlen;
  scratch[3] = message.hops;
  write32(scratch, 4, message.xid);
  write16(scratch, 8, message.secs);
  write16(scratch, 10, message.flags);
  write32(scratch, 12, message.ciaddr);
  write32(scratch, 16, message.yiaddr);
  write32(scratch, 20, message.siaddr);
  write32(scratch, 24, message.giaddr);
  writeMac(scratch, 28, message.mac);
  writeText(scratch, SNAME_START, FILE_START, message.sname);
  writeText(scratch, FILE_START, FILE_END, message.file);
  write32(scratch, FILE_END, MAGIC_COOKIE);
  const options = message.options.has(OPTION.overload)
    ? new Map([...message.options].filter(([tag]) => tag !== OPTION.overload))
    : message.options;
  const used = writeOptions(scratch, options, limit, message.file === '', message.sname === '');
  return scratch.slice(0, Math.max(MIN_MESSAGE_BYTES, used));
}

/** True when `text` fits the 128-byte `file` field with its NUL. */
export function fitsFileField(text: string): boolean {
  return text.length < FILE_END - FILE_START;
}

/** NUL-terminated Latin-1; firmware is not known to send anything but ASCII. */
function readText(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; at++) {
    const code = bytes[at] ?? 0;
    if (code === 0) break;
    text += String.fromCharCode(code);
  }
  return text;
}

/** Cuts what does not fit; the last byte stays NUL. */
function writeText(bytes: Uint8Array, start: number, end: number, text: string): void {
  const length = Math.min(text.length, end - start - 1);
  for (let i = 0; i < length; i++) bytes[start + i] = text.charCodeAt(i);
}

function read16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

function read32(bytes: Uint8Array, at: number): number {
  return ((read16(bytes, at) << 16) | read16(bytes, at + 2)) >>> 0;
}

function write16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

function write32(bytes: Uint8Array, at: number, value: number): void {
  write16(bytes, at, value >>> 16);
  write16(bytes, at + 2, value & 0xffff);
}
