import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  FIRMWARE_DISCOVERS,
  FIRMWARE_UUID,
  ipxeQemuDiscover,
  ovmfDiscover,
  virtualBoxDiscover,
} from '../../test/fixtures/dhcp-firmware.ts';
import { formatMac, type Ipv4, ipv4, type Mac, mac } from '../base/address.ts';
import { BOOT_REPLY, type DhcpMessage, decodeDhcp, dhcpMessage, encodeDhcp } from './dhcp.ts';
import { OPTION } from './dhcp-options.ts';
import {
  clientUuidValue,
  isFullIpxe,
  readArchitectures,
  readClientUuid,
  readIpxeOptions,
  readNetworkInterface,
  readUserClasses,
  userClassValue,
} from './dhcp-pxe.ts';
import {
  domainListValue,
  ipv4ListValue,
  readIpv4,
  readIpv4List,
  readSubOptions,
  readText,
  readU8,
  readU16,
  readU32,
  subOptionsValue,
  textValue,
  u16Value,
  u32Value,
} from './dhcp-values.ts';

const discover = (options: [number, Uint8Array][], more: Partial<DhcpMessage> = {}) =>
  dhcpMessage({
    xid: 0x01020304,
    mac: mac('52:54:00:00:00:01'),
    options: new Map([[OPTION.messageType, Uint8Array.of(1)], ...options]),
    ...more,
  });

/** Options as plain arrays, since views compare unequal to copies of another type. */
const plain = (message: DhcpMessage | null) =>
  message && { ...message, options: [...message.options].map(([tag, value]) => [tag, [...value]]) };

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const address = u32 as fc.Arbitrary<Ipv4>;
const anyMessage: fc.Arbitrary<DhcpMessage> = fc.record({
  op: fc.constantFrom(1, 2),
  htype: fc.nat(255),
  hlen: fc.nat(255),
  hops: fc.nat(255),
  xid: u32,
  secs: fc.nat(65535),
  flags: fc.nat(65535),
  ciaddr: address,
  yiaddr: address,
  siaddr: address,
  giaddr: address,
  mac: fc.integer({ min: 0, max: 0xffffffffffff }) as fc.Arbitrary<Mac>,
  sname: fc.string({ unit: fc.constantFrom(...'abcdef-.0'), maxLength: 63 }),
  file: fc.string({ unit: fc.constantFrom(...'abcdef/.:0'), maxLength: 127 }),
  options: fc
    .uniqueArray(
      fc.tuple(
        fc.integer({ min: 1, max: 254 }).filter((tag) => tag !== OPTION.overload),
        fc.uint8Array({ maxLength: 600 }),
      ),
      { maxLength: 12, selector: ([tag]) => tag },
    )
    .map((entries) => new Map(entries)),
  damaged: fc.constant(false),
});

describe('DHCP messages', () => {
  it('come back as they were, when their options fit', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const decoded = decodeDhcp(encodeDhcp(message, 1472));
        const kept = [...message.options].filter(([tag]) => decoded?.options.has(tag));
        const all = kept.length === message.options.size;
        const bytes = [...message.options.values()].reduce((sum, value) => sum + value.length + 6, 0);
        if (bytes < 1472 - 241) expect(all).toBe(true);
        expect(plain(decoded)?.options.sort()).toEqual(kept.map(([tag, value]) => [tag, [...value]]).sort());
        expect({ ...decoded, options: 0 }).toEqual({ ...message, options: 0 });
      }),
    );
  });

  it('never make the decoder throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 700 }), (bytes) => {
        decodeDhcp(bytes);
        const withCookie = new Uint8Array(240 + bytes.length);
        withCookie.set([2, 1, 6]);
        withCookie.set([0x63, 0x82, 0x53, 0x63], 236);
        withCookie.set(bytes, 240);
        const message = decodeDhcp(withCookie);
        expect(message).not.toBeNull();
        if (!message) return;
        for (const tag of message.options.keys()) {
          readU8(message.options, tag);
          readIpv4List(message.options, tag);
          readText(message.options, tag);
          readSubOptions(message.options.get(tag) ?? bytes);
        }
        readArchitectures(message.options);
        readUserClasses(message.options);
        readClientUuid(message.options);
        readIpxeOptions(message.options);
        encodeDhcp(message);
      }),
    );
  });

  it('are padded to 300 bytes and never longer than allowed', () => {
    expect(encodeDhcp(discover([])).length).toBe(300);
    fc.assert(
      fc.property(anyMessage, fc.integer({ min: 0, max: 2000 }), (message, limit) => {
        const { length } = encodeDhcp(message, limit);
        expect(length).toBeGreaterThanOrEqual(300);
        expect(length).toBeLessThanOrEqual(Math.min(Math.max(limit, 300), 1472));
      }),
    );
  });

  it('are refused without a cookie, when too short, or with another op', () => {
    const good = encodeDhcp(discover([]));
    expect(decodeDhcp(good)).not.toBeNull();
    expect(decodeDhcp(good.subarray(0, 239))).toBeNull();
    expect(decodeDhcp(Uint8Array.from(good, (byte, i) => (i === 236 ? 0 : byte)))).toBeNull();
    expect(decodeDhcp(Uint8Array.from(good, (byte, i) => (i === 0 ? 3 : byte)))).toBeNull();
  });
});

describe('options', () => {
  it('skip pads, tolerate a missing end, and stop at a length that overruns', () => {
    const bytes = encodeDhcp(discover([])).slice(0, 250);
    bytes.set([0, 0, 12, 1, 0x61, 0, 15, 9, 0x62, 0x63], 240);
    const message = decodeDhcp(bytes);
    expect(message?.damaged).toBe(true);
    expect(plain(message)?.options).toEqual([[12, [0x61]]]);
    bytes.set([0, 0, 12, 1, 0x61, 0, 15, 2, 0x62, 0x63], 240);
    expect(decodeDhcp(bytes)?.damaged).toBe(false);
  });

  it('ignore what stands behind the end tag', () => {
    const bytes = encodeDhcp(discover([]));
    bytes.set([53, 1, 1, 255, 12, 1, 0x61], 240);
    expect([...(decodeDhcp(bytes)?.options.keys() ?? [])]).toEqual([53]);
  });

  it('longer than 255 bytes are split and joined (RFC 3396)', () => {
    const long = Uint8Array.from({ length: 700 }, (_, i) => i % 251);
    const bytes = encodeDhcp(discover([[119, long]]), 1472);
    expect([bytes[243], bytes[244], bytes[500], bytes[501]]).toEqual([119, 255, 119, 255]);
    expect([...(decodeDhcp(bytes)?.options.get(119) ?? [])]).toEqual([...long]);
  });

  it('go into file and sname when the client takes no more (option 52)', () => {
    const options: [number, Uint8Array][] = [
      [6, new Uint8Array(200).fill(6)],
      [15, new Uint8Array(100).fill(15)],
      [119, new Uint8Array(60).fill(119)],
      [42, new Uint8Array(20).fill(42)],
    ];
    const bytes = encodeDhcp(discover(options), 548);
    const message = decodeDhcp(bytes);
    expect(bytes.length).toBeLessThanOrEqual(548);
    expect(message?.options.size).toBe(5);
    expect(bytes[108]).toBe(15);
    expect(message?.file).toBe('');
    const withFile = decodeDhcp(encodeDhcp(discover(options, { op: BOOT_REPLY, file: 'lpxelinux.0' }), 548));
    expect(withFile?.file).toBe('lpxelinux.0');
    expect(withFile?.options.has(15)).toBe(false);
    expect(withFile?.options.has(119)).toBe(true);
  });

  it('have the types that RFC 2132 gives them', () => {
    const options = new Map([
      [50, u32Value(ipv4('10.77.0.9'))],
      [51, u32Value(600)],
      [57, u16Value(1472)],
      [6, ipv4ListValue([ipv4('10.77.0.1'), ipv4('8.8.8.8')])],
      [12, textValue('node\0\0')],
      [99, Uint8Array.of(1, 2, 3)],
    ]);
    expect(readIpv4(options, 50)).toBe(ipv4('10.77.0.9'));
    expect(readU32(options, 51)).toBe(600);
    expect(readU16(options, 57)).toBe(1472);
    expect(readIpv4List(options, 6)).toEqual([ipv4('10.77.0.1'), ipv4('8.8.8.8')]);
    expect(readText(options, 12)).toBe('node');
    for (const read of [readU8, readU16, readU32, readIpv4, readIpv4List]) {
      expect(read(options, 99)).toBeNull();
      expect(read(options, 1)).toBeNull();
    }
    expect([...domainListValue(['maas.lab'])]).toEqual([4, ...textValue('maas'), 3, ...textValue('lab'), 0]);
  });

  it('encapsulate others', () => {
    const value = subOptionsValue([
      [1, Uint8Array.of(7, 8)],
      [2, Uint8Array.of()],
    ]);
    expect([...readSubOptions(value)].map(([tag, data]) => [tag, ...data])).toEqual([[1, 7, 8], [2]]);
    expect(readSubOptions(Uint8Array.of(0, 6, 1, 8, 255, 6)).size).toBe(1);
    expect(readSubOptions(Uint8Array.of(0, 1, 9), false).get(0)).toEqual(Uint8Array.of(9));
    expect(readSubOptions(Uint8Array.of(6, 9, 8)).size).toBe(0);
  });
});

describe('network boot options', () => {
  it.each(Object.entries(FIRMWARE_DISCOVERS))('of %s are all read', (_, make) => {
    const message = decodeDhcp(make());
    expect(message).toMatchObject({ op: 1, htype: 1, hlen: 6, damaged: false });
    expect(readU8(message!.options, OPTION.messageType)).toBe(1);
    expect(message!.options.get(OPTION.parameterRequestList)!.length).toBeGreaterThan(10);
    expect(plain(decodeDhcp(encodeDhcp(message!, 1472)))).toEqual(plain(message));
  });

  it('tell a full iPXE from VirtualBox', () => {
    const full = decodeDhcp(ipxeQemuDiscover())!.options;
    const small = decodeDhcp(virtualBoxDiscover())!.options;
    expect(readUserClasses(full)).toEqual(['iPXE']);
    expect(readUserClasses(small)).toEqual(['iPXE']);
    expect(isFullIpxe(readIpxeOptions(full)!)).toBe(true);
    expect(isFullIpxe(readIpxeOptions(small)!)).toBe(false);
    expect(readIpxeOptions(decodeDhcp(ovmfDiscover())!.options)).toBeNull();
  });

  it('name the architecture, the interface and the machine', () => {
    const { options, mac: sender } = decodeDhcp(ovmfDiscover(16))!;
    expect(formatMac(sender)).toBe('52:54:00:65:43:21');
    expect(readArchitectures(options)).toEqual([16]);
    expect(readNetworkInterface(options)).toEqual({ type: 1, major: 3, minor: 16 });
    expect(readClientUuid(options)).toBe(FIRMWARE_UUID);
    expect(readClientUuid(new Map([[97, clientUuidValue(FIRMWARE_UUID)!]]))).toBe(FIRMWARE_UUID);
    expect(readClientUuid(new Map([[97, new Uint8Array(17)]]))).toBeNull();
    expect(clientUuidValue('not a uuid')).toBeNull();
  });

  it('know both forms of the user class', () => {
    expect(readUserClasses(new Map([[77, userClassValue(['iPXE', 'lab'])]]))).toEqual(['iPXE', 'lab']);
    expect(readUserClasses(new Map([[77, textValue('iPXE')]]))).toEqual(['iPXE']);
    expect(readUserClasses(new Map([[77, new Uint8Array()]]))).toEqual([]);
  });
});
