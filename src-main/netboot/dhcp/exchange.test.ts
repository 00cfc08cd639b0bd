import { describe, expect, it } from 'vitest';
import {
  at,
  client,
  DhcpRig,
  rebooting,
  SERVER,
  SUBNET,
  selecting,
  settled,
  typeOf,
} from '../../../test/support/dhcp-rig.ts';
import { BROADCAST_IPV4, cidr, ipv4 } from '../../base/address.ts';
import { broadcastFlag, type DhcpMessage, decodeDhcp, dhcpMessage, encodeDhcp } from '../../protocol/dhcp.ts';
import { OPTION } from '../../protocol/dhcp-options.ts';
import {
  ipv4ListValue,
  readIpv4,
  readIpv4List,
  readText,
  readU32,
  subOptionsValue,
  textOf,
  textValue,
  u16Value,
  u32Value,
} from '../../protocol/dhcp-values.ts';
import type { Lease } from '../ports.ts';
import { memoryLeaseBook } from './memory-lease-book.ts';

describe('a DHCP exchange', () => {
  it('offers, saves, acknowledges', async () => {
    const rig = await new DhcpRig().start();
    const [offer] = await rig.ask('discover', client(1), [[OPTION.hostname, textValue('n\u00001')]], {
      secs: 3,
    });
    expect(typeOf(offer)).toBe('offer');
    expect(offer).toMatchObject({ op: 2, xid: 1, mac: client(1), yiaddr: at(100), siaddr: SERVER, secs: 0 });
    expect(rig.server.leases()).toEqual([]);
    const [ack] = await rig.ask('request', client(1), [
      ...selecting(at(100)),
      [OPTION.hostname, textValue('node 1')],
    ]);
    expect(typeOf(ack)).toBe('ack');
    const { options } = ack!;
    expect(readIpv4(options, OPTION.serverIdentifier)).toBe(SERVER);
    expect(readIpv4(options, OPTION.subnetMask)).toBe(ipv4('255.255.255.0'));
    expect(readIpv4(options, OPTION.broadcastAddress)).toBe(at(255));
    expect(readIpv4List(options, OPTION.router)).toEqual([at(1)]);
    expect(readIpv4List(options, OPTION.dnsServers)).toEqual([at(1)]);
    expect(readIpv4List(options, OPTION.ntpServers)).toEqual([at(1)]);
    expect(readText(options, OPTION.domainName)).toBe('maas');
    expect([51, 58, 59].map((tag) => readU32(options, tag))).toEqual([600, 300, 525]);
    expect(options.has(OPTION.interfaceMtu)).toBe(false);
    const lease: Lease = {
      address: at(100),
      mac: client(1),
      state: 'bound',
      expiresAt: rig.clock.wallNow() + 600_000,
      hostname: 'node1',
    };
    expect(rig.server.leases()).toEqual([lease]);
    expect(rig.changes).toEqual([{ action: 'commit', lease }]);
    expect(rig.steps).toEqual(['offer', 'ack']);
    expect(rig.server.counters).toMatchObject({
      received: { discover: 1, request: 1 },
      sent: { offer: 1, ack: 1 },
    });
  });

  it('sends what was asked for, and no more', async () => {
    const rig = await new DhcpRig().start();
    const list: [number, Uint8Array][] = [[OPTION.parameterRequestList, Uint8Array.of(42, 3, 3, 99)]];
    const [offer] = await rig.ask('discover', client(1), list);
    expect([...offer!.options.keys()]).toEqual([53, 54, 51, 1, 42, 3]);
  });

  it('ends a lease when its time is over, without a timer', async () => {
    const rig = await new DhcpRig().start();
    await rig.lease(client(1));
    rig.clock.advance(600_000);
    expect(rig.clock.pending).toBe(0);
    expect(rig.server.leases()).toEqual([]);
    expect(rig.changes.map(({ action }) => action)).toEqual(['commit', 'expiry']);
    expect(await rig.lease(client(1))).toBe(at(100));
  });

  it('says why nobody gets an address any more', async () => {
    const rig = await new DhcpRig().start();
    for (const n of [1, 2, 3]) await rig.lease(client(n));
    expect(await rig.ask('discover', client(4))).toEqual([]);
    expect(rig.events.at(-1)).toMatchObject({ mac: client(4), phase: 'dhcp', step: 'exhausted' });
    expect(rig.server.counters.dropped).toEqual({ 'pool-exhausted': 1 });
    rig.clock.advance(600_000);
    expect(await rig.lease(client(4))).toBe(at(100));
  });

  it('gives a machine the name that is reserved for it', async () => {
    const reservations = [{ mac: client(9), address: at(50), hostname: 'gw' }];
    const rig = await new DhcpRig().start({ subnets: [{ ...SUBNET, reservations, mtu: 9000 }] });
    const [offer] = await rig.ask('discover', client(9));
    expect(offer!.yiaddr).toBe(at(50));
    expect(readText(offer!.options, OPTION.hostname)).toBe('gw');
    expect(offer!.options.get(OPTION.interfaceMtu)).toEqual(u16Value(9000));
  });
});

describe('a REQUEST (RFC 2131 §4.3.2)', () => {
  it('that takes another server frees the offer and is told', async () => {
    const rig = await new DhcpRig().start({
      subnets: [{ ...SUBNET, ranges: [{ first: at(100), last: at(100) }] }],
    });
    await rig.ask('discover', client(1));
    expect(await rig.ask('request', client(1), selecting(at(7), at(2)))).toEqual([]);
    expect(rig.server.counters.otherServer).toBe(1);
    expect(rig.events.at(-1)).toMatchObject({ step: 'foreign', detail: { server: '10.77.0.2' } });
    expect(await rig.lease(client(2))).toBe(at(100));
  });

  it('for an address that somebody else has is refused', async () => {
    const rig = await new DhcpRig().start();
    await rig.lease(client(1));
    const [nak] = await rig.ask('request', client(2), selecting(at(100)));
    expect(typeOf(nak)).toBe('nak');
    expect(nak).toMatchObject({ yiaddr: 0, siaddr: 0, ciaddr: 0 });
    expect([...nak!.options.keys()]).toEqual([53, 54, 56]);
    expect(rig.events.at(-1)?.detail).toEqual({ reason: 'address not available' });
  });

  it('after our restart is granted when the address is still free', async () => {
    const rig = await new DhcpRig().start();
    const [ack] = await rig.ask('request', client(1), selecting(at(101)));
    expect(typeOf(ack)).toBe('ack');
  });

  it('of a rebooted client is confirmed, refused, or left to the server that knows it', async () => {
    const rig = await new DhcpRig().start();
    expect(await rig.ask('request', client(1), rebooting(at(100)))).toEqual([]);
    expect(rig.server.counters.dropped).toEqual({ 'unknown-client': 1 });
    expect(typeOf((await rig.ask('request', client(1), rebooting(ipv4('192.168.1.5'))))[0])).toBe('nak');
    await rig.lease(client(1));
    expect(typeOf((await rig.ask('request', client(1), rebooting(at(100))))[0])).toBe('ack');
    expect(typeOf((await rig.ask('request', client(1), rebooting(at(101))))[0])).toBe('nak');
  });

  it('renews at the address in use', async () => {
    const rig = await new DhcpRig().start();
    await rig.lease(client(1));
    rig.clock.advance(300_000);
    rig.segment.take();
    rig.segment.deliver(
      67,
      encodeDhcp(
        dhcpMessage({ xid: 7, mac: client(1), ciaddr: at(100), options: new Map([[53, Uint8Array.of(3)]]) }),
      ),
    );
    await settled();
    const [sent] = rig.segment.take();
    expect(sent?.to).toEqual({ address: at(100), port: 68, mac: client(1) });
    expect(decodeDhcp(sent!.data)).toMatchObject({ ciaddr: at(100), yiaddr: at(100) });
    expect(rig.server.leases()[0]?.expiresAt).toBe(rig.clock.wallNow() + 600_000);
    const other = await rig.ask('request', client(2), [], { ciaddr: at(100) });
    expect(typeOf(other[0])).toBe('nak');
    expect(await rig.ask('request', client(3), [], { ciaddr: at(7) })).toEqual([]);
  });

  it('without an address is dropped', async () => {
    const rig = await new DhcpRig().start();
    expect(await rig.ask('request', client(1))).toEqual([]);
    expect(rig.server.counters.dropped).toEqual({ 'no-address-named': 1 });
  });

  it('is refused after a reservation was made, so that the client moves', async () => {
    const rig = await new DhcpRig().start();
    await rig.lease(client(1));
    rig.server.updateConfig({
      subnets: [{ ...SUBNET, reservations: [{ mac: client(1), address: at(9) }] }],
      probeTimeoutMs: 0,
    });
    expect(rig.server.leases()).toHaveLength(1);
    expect(typeOf((await rig.ask('request', client(1), [], { ciaddr: at(100) }))[0])).toBe('nak');
    expect(await rig.lease(client(1))).toBe(at(9));
  });
});

describe('DECLINE, RELEASE and INFORM', () => {
  it('a declined address is avoided, also after a restart', async () => {
    const leaseBook = memoryLeaseBook();
    const rig = await new DhcpRig().start({}, leaseBook);
    await rig.lease(client(1));
    await rig.ask('decline', client(2), selecting(at(100)));
    expect(rig.server.counters.dropped).toEqual({ 'not-its-address': 1 });
    await rig.ask('decline', client(1), selecting(at(100)));
    expect(rig.server.leases()).toMatchObject([{ address: at(100), state: 'declined' }]);
    expect(rig.changes.at(-1)?.action).toBe('decline');
    const again = await new DhcpRig().start({}, leaseBook);
    expect(await again.lease(client(1))).toBe(at(101));
    again.clock.advance(3_600_000);
    expect(again.server.leases()).toEqual([]);
  });

  it('a released address is free and forgotten on disk', async () => {
    const leaseBook = memoryLeaseBook();
    const rig = await new DhcpRig().start({}, leaseBook);
    await rig.lease(client(1));
    await rig.ask('release', client(1), [[OPTION.serverIdentifier, u32Value(at(2))]], { ciaddr: at(100) });
    await rig.ask('release', client(2), [], { ciaddr: at(100) });
    expect(leaseBook.all()).toHaveLength(1);
    await rig.ask('release', client(1), [[OPTION.serverIdentifier, u32Value(SERVER)]], { ciaddr: at(100) });
    expect(leaseBook.all()).toEqual([]);
    expect(rig.server.leases()).toEqual([]);
    expect(rig.changes.at(-1)?.action).toBe('release');
    expect(rig.steps.at(-1)).toBe('released');
  });

  it('INFORM gets options at its own address, and no lease', async () => {
    const rig = await new DhcpRig().start();
    rig.segment.deliver(
      67,
      encodeDhcp(
        dhcpMessage({ xid: 7, mac: client(1), ciaddr: at(30), options: new Map([[53, Uint8Array.of(8)]]) }),
      ),
    );
    const [sent] = rig.segment.take();
    expect(sent?.to).toEqual({ address: at(30), port: 68, mac: client(1) });
    const ack = decodeDhcp(sent!.data)!;
    expect([typeOf(ack), ack.yiaddr, ack.ciaddr]).toEqual(['ack', 0, at(30)]);
    expect([51, 58, 59].some((tag) => ack.options.has(tag))).toBe(false);
    expect(rig.server.leases()).toEqual([]);
    expect(await rig.ask('inform', client(1), [], { ciaddr: ipv4('8.8.8.8') })).toEqual([]);
  });
});

describe('relays', () => {
  const behind = {
    cidr: cidr('192.168.5.0/24'),
    ranges: [{ first: ipv4('192.168.5.10'), last: ipv4('192.168.5.20') }],
  };
  const relay = ipv4('192.168.5.1');

  it('are answered themselves, from the pool of their network, with their information at the end', async () => {
    const rig = await new DhcpRig().start({ subnets: [SUBNET, behind] });
    const info = subOptionsValue([[1, textValue('port 7')]]);
    rig.segment.deliver(
      67,
      encodeDhcp(
        dhcpMessage({
          xid: 7,
          mac: client(1),
          giaddr: relay,
          hops: 1,
          options: new Map([
            [53, Uint8Array.of(1)],
            [82, info],
            [61, Uint8Array.of(1, 2, 3)],
          ]),
        }),
      ),
    );
    const [sent] = rig.segment.take();
    expect(sent?.to).toEqual({ address: relay, port: 67 });
    const offer = decodeDhcp(sent!.data)!;
    expect(offer).toMatchObject({ yiaddr: ipv4('192.168.5.10'), giaddr: relay });
    expect([...offer.options.keys()].slice(-2)).toEqual([61, 82]);
    expect(textOf(offer.options.get(82)!.subarray(2))).toBe('port 7');
  });

  it('may name another network (RFC 3527), and must name one that is served', async () => {
    const rig = await new DhcpRig().start({ subnets: [SUBNET, behind] });
    const link: [number, Uint8Array][] = [[82, subOptionsValue([[5, ipv4ListValue([behind.cidr.network])]])]];
    const [offer] = await rig.ask('discover', client(1), link, { giaddr: ipv4('172.16.0.1') });
    expect(offer?.yiaddr).toBe(ipv4('192.168.5.10'));
    expect(await rig.ask('discover', client(1), [], { giaddr: ipv4('172.16.0.1') })).toEqual([]);
    expect(rig.server.counters.dropped).toEqual({ 'no-subnet': 1 });
  });

  it('broadcast a NAK (RFC 2131 §4.3.2)', async () => {
    const rig = await new DhcpRig().start({ subnets: [SUBNET, behind] });
    const [nak] = await rig.ask('request', client(1), selecting(at(100)), { giaddr: relay });
    expect([typeOf(nak), nak?.flags]).toEqual(['nak', broadcastFlag(true)]);
  });
});

describe('replies go', () => {
  it.each<[string, Partial<DhcpMessage>, object]>([
    ['to the hardware address of a client without one', {}, { address: at(100), port: 68, mac: client(1) }],
    ['to all when asked', { flags: broadcastFlag(true) }, { address: BROADCAST_IPV4, port: 68 }],
  ])('%s', async (_, fields, to) => {
    const rig = await new DhcpRig().start();
    const discover = dhcpMessage({
      xid: 1,
      mac: client(1),
      options: new Map([[53, Uint8Array.of(1)]]),
      ...fields,
    });
    rig.segment.deliver(67, encodeDhcp(discover));
    expect(rig.segment.take()[0]?.to).toEqual(to);
  });
});
