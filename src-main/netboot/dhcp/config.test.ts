import { describe, expect, it } from 'vitest';
import { cidr, ipv4, mac } from '../../base/address.ts';
import { completeDhcpConfig, type DhcpSubnet } from './config.ts';

const server = ipv4('10.77.0.1');
const range = (first: string, last: string) => ({ first: ipv4(first), last: ipv4(last) });
const subnet = (more: Partial<DhcpSubnet>): DhcpSubnet => ({
  cidr: cidr('10.77.0.0/24'),
  ranges: [range('10.77.0.10', '10.77.0.20')],
  ...more,
});
const complete = (...subnets: DhcpSubnet[]) => completeDhcpConfig({ subnets }, server);

describe('a DHCP configuration', () => {
  it('has MAAS defaults', () => {
    expect(complete(subnet({}))).toMatchObject({
      leaseSeconds: 600,
      pxeLeaseSeconds: 30,
      bootHttpPort: 5248,
    });
  });

  it('may have several ranges, reservations anywhere, and other networks behind relays', () => {
    complete(
      subnet({
        ranges: [range('10.77.0.100', '10.77.0.110'), range('10.77.0.10', '10.77.0.20')],
        reservations: [
          { mac: mac('52:54:00:00:00:01'), address: ipv4('10.77.0.15') },
          { mac: mac('52:54:00:00:00:02'), address: ipv4('10.77.0.200') },
        ],
      }),
      subnet({ cidr: cidr('192.168.0.0/16'), ranges: [] }),
    );
  });

  const a = mac('52:54:00:00:00:01');
  const b = mac('52:54:00:00:00:02');
  it.each<[string, DhcpSubnet[], string]>([
    [
      'a range outside',
      [subnet({ ranges: [range('10.77.0.250', '10.77.1.3')] })],
      'is not inside the network',
    ],
    ['the broadcast address', [subnet({ ranges: [range('10.77.0.250', '10.77.0.255')] })], 'is not inside'],
    ['a backward range', [subnet({ ranges: [range('10.77.0.20', '10.77.0.10')] })], 'ends before it begins'],
    [
      'overlapping ranges',
      [subnet({ ranges: [range('10.77.0.20', '10.77.0.30'), range('10.77.0.10', '10.77.0.20')] })],
      '10.77.0.10–10.77.0.20 and 10.77.0.20–10.77.0.30 overlap',
    ],
    [
      'the own address',
      [subnet({ ranges: [range('10.77.0.1', '10.77.0.9')] })],
      "the server's own address, 10.77.0.1",
    ],
    ['the gateway', [subnet({ gateway: ipv4('10.77.0.12') })], 'contains the gateway, 10.77.0.12'],
    [
      'a huge pool',
      [subnet({ cidr: cidr('10.0.0.0/8'), ranges: [range('10.100.0.0', '10.200.0.0')] })],
      'more than',
    ],
    [
      'a reservation outside',
      [subnet({ reservations: [{ mac: a, address: ipv4('10.78.0.1') }] })],
      'not inside',
    ],
    [
      'the own address reserved',
      [subnet({ reservations: [{ mac: a, address: server }] })],
      "the server's own",
    ],
    [
      'an address reserved twice',
      [subnet({ reservations: [a, b].map((m) => ({ mac: m, address: ipv4('10.77.0.30') })) })],
      'reserved twice',
    ],
    [
      'a MAC with two reservations',
      [subnet({ reservations: ['10.77.0.30', '10.77.0.31'].map((x) => ({ mac: a, address: ipv4(x) })) })],
      'two reservations',
    ],
    ['overlapping networks', [subnet({}), subnet({ cidr: cidr('10.77.0.128/25'), ranges: [] })], 'overlap'],
  ])('must not have %s', (_, subnets, problem) => {
    expect(() => complete(...subnets)).toThrow(problem);
  });

  it('must have sensible times', () => {
    expect(() => completeDhcpConfig({ subnets: [], leaseSeconds: 0 }, server)).toThrow('leaseSeconds');
    expect(() => completeDhcpConfig({ subnets: [], probeTimeoutMs: -1 }, server)).toThrow('negative');
    expect(() => completeDhcpConfig({ subnets: [], maxOffers: Number.NaN }, server)).toThrow('maxOffers');
  });
});
