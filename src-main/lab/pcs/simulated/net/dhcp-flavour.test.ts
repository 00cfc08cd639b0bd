import { expect, test } from 'vitest';
import { ipv4, mac } from '../../../../base/address.ts';
import { decodeDhcp, encodeDhcp } from '../../../../protocol/dhcp.ts';
import { OPTIONS_START } from '../../../../protocol/dhcp-options.ts';
import { isFullIpxe, readIpxeOptions } from '../../../../protocol/dhcp-pxe.ts';
import {
  biosPxe,
  type DhcpFlavour,
  discoverMessage,
  edk2Http,
  edk2Pxe,
  ipxeBios,
  ipxeEfi,
  renewMessage,
  requestMessage,
  udhcpc,
} from './dhcp-flavour.ts';

const identity = { mac: mac('52:54:00:aa:bb:01'), uuid: '11223344-5566-7788-99aa-bbccddeeff00' };
const chosen = { address: ipv4('10.0.2.15'), server: ipv4('10.0.2.2') };

/** The options area, without padding, in hex. */
function optionsOf(message: Parameters<typeof encodeDhcp>[0]): string {
  const bytes = encodeDhcp(message, 1472);
  return Buffer.from(bytes.subarray(OPTIONS_START))
    .toString('hex')
    .replace(/ff(00)*$/, 'ff');
}

const discover = (flavour: DhcpFlavour) => optionsOf(discoverMessage(flavour, identity, 1, 0));
const request = (flavour: DhcpFlavour) => optionsOf(requestMessage(flavour, identity, chosen, 1, 0));

// What follows was captured from QEMU 7.2 with Debian 12's firmware (and busybox 1.35) with this MAC and UUID.

test('iPXE in a BIOS ROM sends what the real one sends', () => {
  const captured =
    '390205c05d0200005e030102013c20505845436c69656e743a417263683a30303030303a554e44493a3030323030314d0469' +
    '5058453717010306070c0f111a2b3c4243778081828384858687afcbaf30b105011af41000eb03010000170101220101130101' +
    '1101012701011901012901011001012101011501011801011201013d0701525400aabb01611100443322116655887799aabbccddeeff00';
  expect(discover(ipxeBios('1af4:1000'))).toBe(`350101${captured}ff`);
  expect(request(ipxeBios('1af4:1000'))).toBe(`350103${captured}36040a00020232040a00020fff`);
});

test('iPXE in an EFI ROM sends what the real one sends', () => {
  const captured =
    '350101390205c05d0200075e0301030a3c20505845436c69656e743a417263683a30303030373a554e44493a3030333031304d' +
    '04695058453717010306070c0f111a2b3c4243778081828384858687afcbaf24b105011af41000eb0301000017010124010113' +
    '01011101012701012901011501011201013d0701525400aabb01611100443322116655887799aabbccddeeff00ff';
  expect(discover(ipxeEfi('1af4:1000'))).toBe(captured);
});

// Of EDK2's the UNDI version alone differs: OVMF's virtio driver says 3.0, most boards' drivers say 3.16.

test('EDK2 PXE sends what the real one sends', () => {
  const tail =
    '37230102030405060c0d0f111216171c28292a2b3233363a3b3c4243618081828384858687611100443322116655887799aabb' +
    'ccddeeff005e030103105d0200073c20505845436c69656e743a417263683a30303030373a554e44493a303033303136ff';
  expect(discover(edk2Pxe)).toBe(`350101390205c0${tail}`);
  expect(request(edk2Pxe)).toBe(`35010336040a00020232040a00020f3902ff00${tail}`);
});

test('EDK2 HTTP boot sends what the real one sends', () => {
  const captured =
    '350101390205c0371b0102030405060c0d0f111216171c28292a2b3233363a3b3ceb4361611100443322116655887799aabbcc' +
    'ddeeff005e030103105d0200103c2148545450436c69656e743a417263683a30303031363a554e44493a303033303136ff';
  expect(discover(edk2Http)).toBe(captured);
});

test('udhcpc sends what the real one sends', () => {
  const captured = '3902024037070103060c0f1c2a3c0c756468637020312e33352e303d0701525400aabb01ff';
  expect(discover(udhcpc)).toBe(`350101${captured}`);
  expect(request(udhcpc)).toBe(`35010332040a00020f36040a000202${captured}`);
});

test('a plain PXE ROM is no iPXE', () => {
  const message = decodeDhcp(encodeDhcp(discoverMessage(biosPxe, identity, 1, 4), 1472));
  expect(message?.flags).toBe(0x8000);
  expect(message && readIpxeOptions(message.options)).toBeNull();
  const ipxe = discoverMessage(ipxeBios('8086:1533'), identity, 1, 4);
  expect(isFullIpxe(readIpxeOptions(ipxe.options)!)).toBe(true);
});

test('a renewal carries the address in ciaddr and no server or requested address (RFC 2131 §4.3.2)', () => {
  const message = renewMessage(udhcpc, identity, chosen.address, 7);
  expect(message.ciaddr).toBe(chosen.address);
  expect([message.options.has(50), message.options.has(54)]).toEqual([false, false]);
});

test('iPXE counts its seconds oddly', () => {
  expect([1, 2, 3].map((n) => ipxeBios('1af4:1000').secs(n, 0))).toEqual([4, 10, 18]);
});
