import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BROADCAST_MAC, ipv4, mac, writeMac } from '../../../../base/address.ts';
import { concerns } from './frame-filter.ts';

const OURS = mac('52:54:00:00:00:01');
const OTHER = mac('52:54:00:00:00:02');
const [US, SERVER, SOMEBODY] = [ipv4('10.77.0.20'), ipv4('10.77.0.1'), ipv4('10.77.0.30')];
const owner = { mac: OURS, address: US, knows: (address: number) => address === SERVER };

function frame(to: number, etherType: number): DataView {
  const bytes = new Uint8Array(400);
  writeMac(bytes, 0, to as typeof OURS);
  const view = new DataView(bytes.buffer);
  view.setUint16(12, etherType);
  return view;
}

const taken = (view: DataView) => concerns(new Uint8Array(view.buffer), owner);

test('unicast: ours alone', () => {
  expect(taken(frame(OURS, 0x0800))).toBe(true);
  expect(taken(frame(OTHER, 0x0800))).toBe(false);
});

test('ARP: questions to us, and news of those we talk with', () => {
  const arp = (sender: number, target: number) => {
    const view = frame(BROADCAST_MAC, 0x0806);
    view.setUint32(28, sender);
    view.setUint32(38, target);
    return taken(view);
  };
  expect(arp(SOMEBODY, US)).toBe(true);
  expect(arp(SERVER, SERVER)).toBe(true);
  expect(arp(US, US)).toBe(true);
  expect(arp(SOMEBODY, SERVER)).toBe(false);
});

test('broadcast datagrams: DHCP answers to us; anything else that is not plain UDP', () => {
  const dhcp = (port: number, client: number) => {
    const view = frame(BROADCAST_MAC, 0x0800);
    view.setUint8(14, 0x45);
    view.setUint8(23, 17);
    view.setUint16(36, port);
    writeMac(new Uint8Array(view.buffer), 70, client as typeof OURS);
    return view;
  };
  expect(taken(dhcp(68, OURS))).toBe(true);
  expect(taken(dhcp(68, OTHER))).toBe(false);
  expect(taken(dhcp(67, OURS))).toBe(false);
  const withOptions = dhcp(67, OTHER);
  withOptions.setUint8(14, 0x46);
  expect(taken(withOptions)).toBe(true);
  expect(taken(frame(mac('33:33:00:00:00:01'), 0x86dd))).toBe(false);
});

test('no frame makes it throw', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => void concerns(bytes, owner)));
});
