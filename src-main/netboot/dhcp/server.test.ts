import { describe, expect, it } from 'vitest';
import {
  dhclientDiscover,
  intelPxeDiscover,
  ipxeQemuDiscover,
  ovmfDiscover,
} from '../../../test/fixtures/dhcp-firmware.ts';
import {
  at,
  client,
  DhcpRig,
  SERVER,
  SUBNET,
  selecting,
  settled,
  typeOf,
} from '../../../test/support/dhcp-rig.ts';
import { mac } from '../../base/address.ts';
import { dhcpMessage, encodeDhcp } from '../../protocol/dhcp.ts';
import { OPTION } from '../../protocol/dhcp-options.ts';
import { readText, readU32, textValue, u16Value } from '../../protocol/dhcp-values.ts';
import type { LeaseBook } from '../ports.ts';
import { memoryLeaseBook } from './memory-lease-book.ts';

describe('network boot', () => {
  it.each([
    ['iPXE', ipxeQemuDiscover(), 'http://10.77.0.1:5248/ipxe.cfg', 30, [undefined, undefined, 'b00101']],
    ['BIOS', intelPxeDiscover(), 'lpxelinux.0', 30, [undefined, 'http://10.77.0.1:5248/', undefined]],
    ['UEFI', ovmfDiscover(7), 'bootx64.efi', 30, [undefined, undefined, undefined]],
    [
      'UEFI HTTP',
      ovmfDiscover(16),
      'http://10.77.0.1:5248/images/ipxe.efi',
      600,
      ['HTTPClient', undefined, undefined],
    ],
  ])('of %s', async (_, packet, file, leaseSeconds, [vendorClass, pathPrefix, ipxe]) => {
    const rig = await new DhcpRig().start();
    const [offer] = await rig.askRaw(packet);
    const { options } = offer!;
    expect(offer).toMatchObject({ file, siaddr: SERVER, sname: '' });
    expect(readText(options, OPTION.bootFile)).toBe(file);
    expect(readText(options, OPTION.tftpServerName)).toBe('10.77.0.1');
    expect(readU32(options, OPTION.leaseTime)).toBe(leaseSeconds);
    expect(readText(options, OPTION.vendorClass) ?? undefined).toBe(vendorClass);
    expect(readText(options, OPTION.pxelinuxPathPrefix) ?? undefined).toBe(pathPrefix);
    const encapsulated = options.get(OPTION.ipxe);
    expect(encapsulated && Buffer.from(encapsulated).toString('hex')).toBe(ipxe);
    expect(options.has(OPTION.vendorSpecific)).toBe(false);
    expect(rig.events[0]).toMatchObject({ step: 'offer', ip: at(100), detail: { file } });
  });

  it("is not offered to an operating system's client", async () => {
    const rig = await new DhcpRig().start();
    const [offer] = await rig.askRaw(dhclientDiscover());
    expect(offer!.file).toBe('');
    expect([66, 67, 210, 175].some((tag) => offer!.options.has(tag))).toBe(false);
  });

  it('without a loader says so', async () => {
    const rig = await new DhcpRig().start();
    const arch: [number, Uint8Array][] = [[93, u16Value(6)]];
    await rig.ask('discover', client(1), arch);
    await rig.ask('request', client(1), [...selecting(at(100)), ...arch]);
    expect(rig.events.at(-1)).toMatchObject({ step: 'no-loader', detail: { arch: 'uefi-x86' } });
  });

  it('is unaffected by a boot file name too long for its field', async () => {
    const file = `${'x'.repeat(200)}.efi`;
    const rig = await new DhcpRig().start({ subnets: [{ ...SUBNET, loaders: { unknown: { file } } }] });
    const [offer] = await rig.ask('discover', client(1), [
      [60, textValue('PXEClient')],
      [55, Uint8Array.of(1)],
    ]);
    expect(offer!.file).toBe('');
    expect(readText(offer!.options, OPTION.bootFile)).toBe(file);
  });
});

describe('the address check before an OFFER', () => {
  it('offers when nobody answers, to the newest of the requests, and asks once a minute', async () => {
    const rig = await new DhcpRig().start({ probeTimeoutMs: 250 });
    expect(await rig.ask('discover', client(1))).toEqual([]);
    expect(await rig.ask('discover', client(1), [], { xid: 99 })).toEqual([]);
    expect(rig.segment.probes.map(({ address }) => address)).toEqual([at(100)]);
    rig.segment.probes[0]!.answer(false);
    await settled();
    expect(rig.takeReplies()).toMatchObject([{ xid: 99, yiaddr: at(100) }]);
    expect(await rig.ask('discover', client(1))).toHaveLength(1);
    expect(rig.server.counters.dropped).toEqual({ 'being-probed': 1 });
    rig.clock.advance(61_000);
    expect(await rig.ask('discover', client(1))).toEqual([]);
    expect(rig.segment.probes).toHaveLength(2);
  });

  it('takes the next address when somebody answers, and remembers', async () => {
    const leaseBook = memoryLeaseBook();
    const rig = await new DhcpRig().start({ probeTimeoutMs: 250 }, leaseBook);
    await rig.ask('discover', client(1));
    rig.segment.probes[0]!.answer(true);
    await settled();
    expect(leaseBook.all()).toMatchObject([{ address: at(100), state: 'declined' }]);
    rig.segment.probes[1]!.answer(false);
    await settled();
    expect(rig.takeReplies()).toMatchObject([{ yiaddr: at(101) }]);
    expect(rig.steps).toEqual(['conflict', 'offer']);
  });

  it('gives up after a few, until the client asks again', async () => {
    const rig = await new DhcpRig().start({ probeTimeoutMs: 250 });
    await rig.ask('discover', client(1));
    for (let i = 0; rig.segment.probes[i]; i++) {
      rig.segment.probes[i]!.answer(true);
      await settled();
    }
    expect(rig.segment.probes.length).toBeLessThan(6);
    expect(rig.server.counters.dropped).toEqual({ 'address-conflict': 1 });
  });

  it('does not hold up other clients, nor one that has its lease', async () => {
    const rig = await new DhcpRig().start();
    await rig.lease(client(1));
    rig.server.updateConfig({ subnets: [SUBNET], probeTimeoutMs: 250 });
    expect(await rig.ask('discover', client(2))).toEqual([]);
    expect(await rig.ask('discover', client(1))).toMatchObject([{ yiaddr: at(100) }]);
    expect(await rig.ask('discover', client(3))).toEqual([]);
    rig.segment.probes[1]!.answer(false);
    await settled();
    expect(rig.takeReplies()).toMatchObject([{ mac: client(3), yiaddr: at(102) }]);
  });
});

describe('an ACK', () => {
  /** Saves when the test says so. */
  function slowBook() {
    const puts: PromiseWithResolvers<void>[] = [];
    const book: LeaseBook = {
      all: () => [],
      put: () => {
        const end = Promise.withResolvers<void>();
        puts.push(end);
        return end.promise;
      },
      remove: async () => {},
    };
    return { book, puts };
  }

  it('is never sent before its lease is saved', async () => {
    const { book, puts } = slowBook();
    const rig = await new DhcpRig().start({}, book);
    await rig.ask('discover', client(1));
    expect(await rig.ask('request', client(1), selecting(at(100)))).toEqual([]);
    puts[0]!.resolve();
    await settled();
    expect(rig.takeReplies().map(typeOf)).toEqual(['ack']);
  });

  it('is not sent when saving failed, and the address stays taken', async () => {
    const { book, puts } = slowBook();
    const rig = await new DhcpRig().start(
      { subnets: [{ ...SUBNET, ranges: [{ first: at(100), last: at(100) }] }] },
      book,
    );
    await rig.ask('discover', client(1));
    await rig.ask('request', client(1), selecting(at(100)));
    puts[0]!.reject(new Error('disk full'));
    await settled();
    expect(rig.takeReplies()).toEqual([]);
    expect(rig.server.counters.dropped).toEqual({ 'store-failed': 1 });
    expect(rig.steps.at(-1)).toBe('store-failed');
    expect(await rig.ask('discover', client(2))).toEqual([]);
  });

  it('is not sent after the server was closed', async () => {
    const { book, puts } = slowBook();
    const rig = await new DhcpRig().start({}, book);
    await rig.ask('discover', client(1));
    await rig.ask('request', client(1), selecting(at(100)));
    await rig.server.dispose();
    puts[0]!.resolve();
    await settled();
    expect(rig.takeReplies()).toEqual([]);
    expect(rig.segment.openPorts).toEqual([]);
  });

  it('waits in a queue that is bounded', async () => {
    const { book } = slowBook();
    const rig = await new DhcpRig().start({}, book);
    await rig.ask('discover', client(1));
    for (let i = 0; i < 10_001; i++) {
      const options = new Map([[53, Uint8Array.of(3)], ...selecting(at(100))]);
      rig.segment.deliver(67, encodeDhcp(dhcpMessage({ xid: i, mac: client(1), options })));
    }
    expect(rig.server.counters.dropped).toEqual({ 'store-busy': 1 });
  });
});

describe('bad input', () => {
  it('is counted', async () => {
    const rig = await new DhcpRig().start();
    await rig.askRaw(new Uint8Array(10));
    await rig.askRaw(encodeDhcp(dhcpMessage({ op: 2, xid: 1, mac: client(1), options: new Map() })));
    await rig.askRaw(encodeDhcp(dhcpMessage({ xid: 1, mac: client(1), options: new Map() })));
    await rig.ask('offer', client(1));
    await rig.ask('discover', mac('ff:ff:ff:ff:ff:ff'));
    await rig.ask('discover', client(1), [], { htype: 6 });
    expect(rig.segment.take()).toEqual([]);
    expect(rig.server.counters.dropped).toEqual({
      'not-dhcp': 1,
      'not-a-request': 2,
      'no-message-type': 1,
      'not-ethernet': 2,
    });
  });
});
