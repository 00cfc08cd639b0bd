import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cidr, contains, type Ipv4, ipv4 } from '../../../base/address.ts';
import { natRefusal } from './policy.ts';

const lab = cidr('10.77.0.0/24');
const rules = { lab, hostAddresses: [ipv4('192.168.1.5')], allowHostLocal: false };

describe('what machines of the lab may reach', () => {
  it.each([
    ['192.0.2.1', null],
    ['192.168.1.6', null],
    ['10.77.1.1', null],
    ['10.77.0.200', 'lab'],
    ['127.0.0.1', 'host-local'],
    ['127.255.255.254', 'host-local'],
    ['192.168.1.5', 'host-local'],
    ['169.254.169.254', 'special'],
    ['0.0.0.0', 'special'],
    ['224.0.0.251', 'special'],
    ['255.255.255.255', 'special'],
  ])('%s: %s', (address, refusal) => {
    expect(natRefusal(ipv4(address), rules)).toBe(refusal);
  });

  it('includes this computer only when that is said', () => {
    const open = { ...rules, allowHostLocal: true };
    expect(natRefusal(ipv4('127.0.0.1'), open)).toBe(null);
    expect(natRefusal(ipv4('192.168.1.5'), open)).toBe(null);
    expect(natRefusal(ipv4('10.77.0.1'), open)).toBe('lab');
    expect(natRefusal(ipv4('169.254.169.254'), open)).toBe('special');
  });

  it('is never the lab itself nor loopback', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), (value) => {
        const address = value as Ipv4;
        const inner = contains(lab, address) || value >>> 24 === 127;
        if (inner) expect(natRefusal(address, rules)).not.toBe(null);
      }),
    );
  });
});
