import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BROADCAST_MAC,
  broadcastOf,
  cidr,
  contains,
  formatCidr,
  formatIpv4,
  formatMac,
  type Ipv4,
  ipv4,
  isGroupMac,
  type Mac,
  mac,
  maskOf,
  netmask,
  parseCidr,
  parseIpv4,
  parseMac,
  readMac,
  writeMac,
} from './address.ts';

const macs = fc.maxSafeNat().map((n) => (n % 2 ** 48) as Mac);
const addresses = fc.nat(0xffffffff).map((n) => n as Ipv4);
const prefixes = fc.nat(32);

describe('MAC addresses', () => {
  it('come back from text and from bytes', () => {
    fc.assert(
      fc.property(macs, fc.nat(5), (value, offset) => {
        expect(parseMac(formatMac(value))).toBe(value);
        expect(parseMac(formatMac(value, '-').toUpperCase())).toBe(value);
        const bytes = new Uint8Array(offset + 6);
        writeMac(bytes, offset, value);
        expect(readMac(bytes, offset)).toBe(value);
        expect(Buffer.from(bytes.subarray(offset)).toString('hex')).toBe(formatMac(value, ''));
        expect(isGroupMac(value)).toBe((bytes[offset]! & 1) === 1);
      }),
    );
  });

  it('are refused when they are none', () => {
    for (const text of ['', '52:54:00:12:34', '52:54:00:12:34:5g', '525400123456', '52:54:00:12:34:56:78'])
      expect(parseMac(text), text).toBe(null);
    expect(() => mac('52:54')).toThrow(TypeError);
  });

  it('know the broadcast address', () => {
    expect(formatMac(BROADCAST_MAC)).toBe('ff:ff:ff:ff:ff:ff');
    expect(isGroupMac(BROADCAST_MAC)).toBe(true);
  });
});

describe('IPv4 addresses', () => {
  it('come back from text', () => {
    fc.assert(
      fc.property(addresses, (value) => {
        expect(parseIpv4(formatIpv4(value))).toBe(value);
      }),
    );
    expect(formatIpv4(ipv4('192.0.2.255'))).toBe('192.0.2.255');
  });

  it('are refused when they are none', () => {
    for (const text of [
      '',
      '1.2.3',
      '1.2.3.4.5',
      '01.2.3.4',
      '256.1.1.1',
      '1.2.3.-4',
      ' 1.2.3.4',
      '1.2.3.4/8',
      '0x1.2.3.4',
    ])
      expect(parseIpv4(text), text).toBe(null);
    expect(() => ipv4('localhost')).toThrow(TypeError);
  });

  it('take any text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        parseIpv4(text);
        parseMac(text);
        parseCidr(text);
      }),
    );
  });
});

describe('networks', () => {
  it('come back from text, host bits cleared', () => {
    fc.assert(
      fc.property(addresses, prefixes, (address, prefix) => {
        const network = parseCidr(`${formatIpv4(address)}/${prefix}`)!;
        expect(parseCidr(formatCidr(network))).toEqual(network);
        expect(contains(network, address)).toBe(true);
        expect(contains(network, network.network)).toBe(true);
        expect(contains(network, broadcastOf(network))).toBe(true);
        const count = broadcastOf(network) - network.network + 1;
        expect(count).toBe(2 ** (32 - prefix));
        if (prefix > 0) expect(contains(network, ((broadcastOf(network) + 1) >>> 0) as Ipv4)).toBe(false);
      }),
    );
  });

  it('have masks', () => {
    expect([0, 1, 8, 24, 31, 32].map((prefix) => formatIpv4(maskOf(prefix)))).toEqual([
      '0.0.0.0',
      '128.0.0.0',
      '255.0.0.0',
      '255.255.255.0',
      '255.255.255.254',
      '255.255.255.255',
    ]);
    expect(formatIpv4(netmask(cidr('10.77.0.9/22')))).toBe('255.255.252.0');
  });

  it('are refused when they are none', () => {
    for (const text of ['10.0.0.0', '10.0.0.0/', '10.0.0.0/33', '10.0.0.0/8/8', '10.0.0/8', '10.0.0.0/-1'])
      expect(parseCidr(text), text).toBe(null);
    expect(() => cidr('10.0.0.0/40')).toThrow(TypeError);
  });
});
