/** The value of an iPXE setting: its bytes and how it is written when no type is asked for. */
export interface IpxeSetting {
  readonly bytes: Uint8Array;
  readonly type: IpxeType;
}

export type IpxeType =
  | 'string'
  | 'uristring'
  | 'ipv4'
  | 'hex'
  | 'hexhyp'
  | 'hexraw'
  | 'base64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'uuid';

/** A text setting. */
export function textSetting(text: string): IpxeSetting {
  return { bytes: new TextEncoder().encode(text), type: 'string' };
}

/** Finds a setting by name without its type, e.g. `mac`, `net0/ip`, `next-server`. */
export type IpxeLookup = (name: string) => IpxeSetting | undefined;

/**
 * Replaces each `${name}` and `${name:type}` by its value, innermost first as iPXE does; what is not
 * set becomes nothing. See ipxe.org/cfg.
 */
export function expandIpxe(text: string, lookup: IpxeLookup): string {
  let result = text;
  // Each round replaces one innermost expression; a value that itself holds `${` is expanded again.
  for (let round = 0; round < 64; round++) {
    const end = result.search(/\$\{[^{}$]*\}/);
    if (end < 0) return result;
    const close = result.indexOf('}', end);
    result =
      result.slice(0, end) + settingText(result.slice(end + 2, close), lookup) + result.slice(close + 1);
  }
  return result;
}

function settingText(expression: string, lookup: IpxeLookup): string {
  const colon = expression.lastIndexOf(':');
  const name = colon < 0 ? expression : expression.slice(0, colon);
  const setting = lookup(name.trim());
  if (setting === undefined) return '';
  return formatIpxe(setting.bytes, colon < 0 ? setting.type : expression.slice(colon + 1));
}

/** Writes setting bytes as `type`; nothing for a type that does not exist or does not fit. */
export function formatIpxe(bytes: Uint8Array, type: string): string {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'));
  switch (type as IpxeType) {
    case 'string':
      return new TextDecoder().decode(bytes);
    case 'uristring':
      return encodeURIComponent(new TextDecoder().decode(bytes));
    case 'ipv4':
      return bytes.length === 4 ? bytes.join('.') : '';
    case 'hex':
      return hex.join(':');
    case 'hexhyp':
      return hex.join('-');
    case 'hexraw':
      return hex.join('');
    case 'base64':
      return Buffer.from(bytes).toString('base64');
    case 'uuid':
      return bytes.length === 16 ? hex.join('').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-') : '';
    case 'uint8':
    case 'uint16':
    case 'uint32':
      return `0x${integerOf(bytes, type).toString(16)}`;
    case 'int8':
    case 'int16':
    case 'int32':
      return String(integerOf(bytes, type));
    default:
      return '';
  }
}

/** The last bytes, as many as the type holds, read big-endian. */
function integerOf(bytes: Uint8Array, type: string): number {
  const width = Number(type.replace(/\D+/, '')) / 8;
  const value = bytes.subarray(-width).reduce((sum, byte) => sum * 256 + byte, 0);
  const sign = 2 ** (8 * Math.min(width, bytes.length) - 1);
  return type.startsWith('int') && bytes.length >= width && value >= sign ? value - 2 * sign : value;
}
