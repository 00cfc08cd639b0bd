/**
 * TFTP packets (RFC 1350, options RFC 2347). Text is Latin-1: every byte sequence decodes to a string that
 * encodes back to the same bytes.
 */

const TFTP_OPCODE = { rrq: 1, wrq: 2, data: 3, ack: 4, error: 5, oack: 6 } as const;

/** Error codes, RFC 1350 appendix and RFC 2347. */
export const TFTP_ERROR = {
  undefined: 0,
  fileNotFound: 1,
  accessViolation: 2,
  diskFull: 3,
  illegalOperation: 4,
  unknownTransferId: 5,
  fileExists: 6,
  noSuchUser: 7,
  optionsRefused: 8,
} as const;

/** Bytes before the payload of a DATA packet. */
export const TFTP_DATA_HEADER = 4;

/** An option's name (lower case once decoded: RFC 2347 makes them case-insensitive) and value. */
export type TftpOption = readonly [name: string, value: string];

export type TftpPacket =
  | {
      readonly type: 'rrq' | 'wrq';
      readonly filename: string;
      /** Lower case: "octet", "netascii", "mail". */
      readonly mode: string;
      readonly options: readonly TftpOption[];
    }
  | { readonly type: 'data'; readonly block: number; readonly payload: Uint8Array }
  | { readonly type: 'ack'; readonly block: number }
  | { readonly type: 'error'; readonly code: number; readonly message: string }
  | { readonly type: 'oack'; readonly options: readonly TftpOption[] };

/** Reads a packet; null when it is not TFTP. The payload of DATA is a view, not a copy. */
export function decodeTftp(bytes: Uint8Array): TftpPacket | null {
  if (bytes.length < 2) return null;
  const opcode = u16(bytes, 0);
  switch (opcode) {
    case TFTP_OPCODE.rrq:
    case TFTP_OPCODE.wrq: {
      const [filename, mode, ...rest] = strings(bytes, 2);
      if (!filename || mode === undefined) return null;
      const type = opcode === TFTP_OPCODE.rrq ? 'rrq' : 'wrq';
      return { type, filename, mode: mode.toLowerCase(), options: pairs(rest) };
    }
    case TFTP_OPCODE.data:
      return bytes.length < 4
        ? null
        : { type: 'data', block: u16(bytes, 2), payload: bytes.subarray(TFTP_DATA_HEADER) };
    case TFTP_OPCODE.ack:
      return bytes.length < 4 ? null : { type: 'ack', block: u16(bytes, 2) };
    case TFTP_OPCODE.error:
      return bytes.length < 4
        ? null
        : { type: 'error', code: u16(bytes, 2), message: strings(bytes, 4)[0] ?? '' };
    case TFTP_OPCODE.oack:
      return { type: 'oack', options: pairs(strings(bytes, 2)) };
    default:
      return null;
  }
}

/** The block that an ACK acknowledges, or -1 when the packet is not an ACK: the per-window path, without an object. */
export function ackedBlock(bytes: Uint8Array): number {
  return bytes.length >= 4 && u16(bytes, 0) === TFTP_OPCODE.ack ? u16(bytes, 2) : -1;
}

export function encodeTftp(packet: TftpPacket): Uint8Array {
  switch (packet.type) {
    case 'rrq':
    case 'wrq':
      return withStrings(TFTP_OPCODE[packet.type], null, [
        packet.filename,
        packet.mode,
        ...packet.options.flat(),
      ]);
    case 'data': {
      const bytes = new Uint8Array(TFTP_DATA_HEADER + packet.payload.length);
      writeDataHeader(bytes, 0, packet.block);
      bytes.set(packet.payload, TFTP_DATA_HEADER);
      return bytes;
    }
    case 'ack':
      return Uint8Array.of(0, TFTP_OPCODE.ack, packet.block >>> 8, packet.block);
    case 'error':
      return withStrings(TFTP_OPCODE.error, packet.code, [packet.message]);
    case 'oack':
      return withStrings(TFTP_OPCODE.oack, null, packet.options.flat());
  }
}

/** Writes the header of DATA number `block` (taken modulo 65,536) at `offset`. */
export function writeDataHeader(bytes: Uint8Array, offset: number, block: number): void {
  bytes[offset] = 0;
  bytes[offset + 1] = TFTP_OPCODE.data;
  bytes[offset + 2] = block >>> 8;
  bytes[offset + 3] = block;
}

function u16(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
}

/** NUL-terminated strings from `offset`. A last string that lacks its NUL counts: some firmware forgets it. */
function strings(bytes: Uint8Array, offset: number): string[] {
  const found: string[] = [];
  let start = offset;
  while (start < bytes.length) {
    const nul = bytes.indexOf(0, start);
    const end = nul < 0 ? bytes.length : nul;
    found.push(latin1(bytes.subarray(start, end)));
    start = end + 1;
  }
  return found;
}

/** Options in order; an odd string at the end (padding of some PXE ROMs) and empty names are dropped. */
function pairs(texts: readonly string[]): TftpOption[] {
  const options: TftpOption[] = [];
  for (let i = 0; i + 1 < texts.length; i += 2) {
    const name = texts[i];
    if (name) options.push([name.toLowerCase(), texts[i + 1] ?? '']);
  }
  return options;
}

function withStrings(opcode: number, code: number | null, texts: readonly string[]): Uint8Array {
  const head = code === null ? 2 : 4;
  const bytes = new Uint8Array(texts.reduce((length, text) => length + text.length + 1, head));
  bytes[1] = opcode;
  if (code !== null) {
    bytes[2] = code >>> 8;
    bytes[3] = code;
  }
  let at = head;
  for (const text of texts) {
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    at++;
  }
  return bytes;
}

function latin1(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
