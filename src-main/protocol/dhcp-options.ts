/**
 * The options area of a DHCP message: tag, length, value (RFC 2132 §2), values longer than 255 bytes
 * split over several instances (RFC 3396), and overload of the `file` and `sname` fields (RFC 2132 §9.3).
 */

/** Option values by tag, long options already joined. Values may be views into the packet they came from. */
export type DhcpOptions = ReadonlyMap<number, Uint8Array>;

/** Tags that we read or write (IANA "BOOTP Vendor Extensions and DHCP Options"). */
export const OPTION = {
  pad: 0,
  subnetMask: 1,
  router: 3,
  dnsServers: 6,
  hostname: 12,
  domainName: 15,
  interfaceMtu: 26,
  broadcastAddress: 28,
  ntpServers: 42,
  vendorSpecific: 43,
  requestedAddress: 50,
  leaseTime: 51,
  overload: 52,
  messageType: 53,
  serverIdentifier: 54,
  parameterRequestList: 55,
  message: 56,
  maxMessageSize: 57,
  renewalTime: 58,
  rebindingTime: 59,
  vendorClass: 60,
  clientIdentifier: 61,
  tftpServerName: 66,
  bootFile: 67,
  userClass: 77,
  relayAgent: 82,
  clientArch: 93,
  clientNetworkInterface: 94,
  clientUuid: 97,
  /** Captive portal (RFC 8910); a text URL. */
  captivePortal: 114,
  domainSearch: 119,
  ipxe: 175,
  pxelinuxPathPrefix: 210,
  end: 255,
} as const;

/** Where option 52 says that options continue. */
const FILE_OVERLOADED = 1;
const SNAME_OVERLOADED = 2;

/** Byte ranges of a BOOTP packet (RFC 2131 §2). */
export const SNAME_START = 44;
export const FILE_START = 108;
export const FILE_END = 236;
export const OPTIONS_START = 240;

interface ParsedOptions {
  readonly options: Map<number, Uint8Array>;
  /** True when `file` or `sname` hold options instead of text. */
  readonly fileIsOptions: boolean;
  readonly snameIsOptions: boolean;
  /** True when a length ran past its area; what came before it is kept. */
  readonly damaged: boolean;
}

/**
 * Reads all options of a packet of at least 240 bytes. Never throws. Instances of one tag are joined in the
 * order options field, `file`, `sname` (RFC 3396 §5).
 */
export function readOptions(packet: Uint8Array): ParsedOptions {
  const options = new Map<number, Uint8Array>();
  let damaged = !readArea(packet, OPTIONS_START, packet.length, options);
  const overload = options.get(OPTION.overload)?.[0] ?? 0;
  const fileIsOptions = (overload & FILE_OVERLOADED) !== 0;
  const snameIsOptions = (overload & SNAME_OVERLOADED) !== 0;
  if (fileIsOptions && !readArea(packet, FILE_START, FILE_END, options)) damaged = true;
  if (snameIsOptions && !readArea(packet, SNAME_START, FILE_START, options)) damaged = true;
  options.delete(OPTION.overload);
  return { options, fileIsOptions, snameIsOptions, damaged };
}

/** Reads one area into `options`; false when a length overruns it. A missing end tag is tolerated. */
function readArea(packet: Uint8Array, start: number, end: number, options: Map<number, Uint8Array>): boolean {
  let at = start;
  while (at < end) {
    const tag = packet[at++] ?? OPTION.end;
    if (tag === OPTION.pad) continue;
    if (tag === OPTION.end) return true;
    const length = packet[at++];
    if (length === undefined || at > end || at + length > end) return false;
    const value = packet.subarray(at, at + length);
    const earlier = options.get(tag);
    options.set(tag, earlier ? joined(earlier, value) : value);
    at += length;
  }
  return true;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}

/** How many bytes an option takes, its RFC 3396 chunks and their headers included. */
function encodedLength(value: Uint8Array): number {
  return value.length + 2 * Math.max(1, Math.ceil(value.length / 255));
}

/**
 * Writes `options` in their order into `packet` from byte 240, at most up to `limit`, and returns the length used.
 * When they do not fit, those left over go into `file` and `sname` where these are free (`mayUseFile`,
 * `mayUseSname`); an option that fits nowhere is left out, so the caller puts what matters first.
 */
export function writeOptions(
  packet: Uint8Array,
  options: DhcpOptions,
  limit: number,
  mayUseFile: boolean,
  mayUseSname: boolean,
): number {
  let needed = 1;
  for (const value of options.values()) needed += encodedLength(value);
  if (OPTIONS_START + needed <= limit || (!mayUseFile && !mayUseSname)) {
    const area = new OptionArea(packet, OPTIONS_START, limit);
    for (const [tag, value] of options) if (area.fits(value)) area.write(tag, value);
    return area.close();
  }
  return writeOverloaded(packet, options, limit, mayUseFile, mayUseSname);
}

function writeOverloaded(
  packet: Uint8Array,
  options: DhcpOptions,
  limit: number,
  mayUseFile: boolean,
  mayUseSname: boolean,
): number {
  const overloadLength = 3;
  const main = new OptionArea(packet, OPTIONS_START, limit - overloadLength);
  const file = mayUseFile ? new OptionArea(packet, FILE_START, FILE_END) : null;
  const sname = mayUseSname ? new OptionArea(packet, SNAME_START, FILE_START) : null;
  for (const [tag, value] of options)
    for (const area of [main, file, sname])
      if (area?.fits(value)) {
        area.write(tag, value);
        break;
      }
  const used = (file?.used ? FILE_OVERLOADED : 0) | (sname?.used ? SNAME_OVERLOADED : 0);
  if (file?.used) file.close();
  if (sname?.used) sname.close();
  main.extend(overloadLength);
  if (used) main.write(OPTION.overload, Uint8Array.of(used));
  return main.close();
}

/** Writes options into one area and keeps one byte for the end tag. */
class OptionArea {
  readonly #packet: Uint8Array;
  readonly #start: number;
  #end: number;
  #at: number;

  constructor(packet: Uint8Array, start: number, end: number) {
    this.#packet = packet;
    this.#start = start;
    this.#at = start;
    this.#end = end - 1;
  }

  get used(): boolean {
    return this.#at > this.#start;
  }

  extend(bytes: number): void {
    this.#end += bytes;
  }

  fits(value: Uint8Array): boolean {
    return this.#at + encodedLength(value) <= this.#end;
  }

  write(tag: number, value: Uint8Array): void {
    let from = 0;
    do {
      const length = Math.min(255, value.length - from);
      this.#packet[this.#at++] = tag;
      this.#packet[this.#at++] = length;
      for (let i = 0; i < length; i++) this.#packet[this.#at++] = value[from + i] ?? 0;
      from += length;
    } while (from < value.length);
  }

  /** Writes the end tag; returns the offset behind it. */
  close(): number {
    this.#packet[this.#at++] = OPTION.end;
    return this.#at;
  }
}
