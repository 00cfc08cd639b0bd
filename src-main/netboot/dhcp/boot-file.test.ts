import { describe, expect, it } from 'vitest';
import {
  dhclientDiscover,
  intelPxeDiscover,
  ipxeQemuDiscover,
  ovmfDiscover,
  virtualBoxDiscover,
} from '../../../test/fixtures/dhcp-firmware.ts';
import { ipv4, mac } from '../../base/address.ts';
import { decodeDhcp, dhcpMessage } from '../../protocol/dhcp.ts';
import { textValue, u16Value } from '../../protocol/dhcp-values.ts';
import { type BootFileOptions, chooseBootFile } from './boot-file.ts';
import { classifyClient } from './client.ts';

const server = { address: ipv4('10.77.0.1'), httpPort: 5248 };
const clientOf = (packet: Uint8Array) => classifyClient(decodeDhcp(packet)!);
const ofArch = (code: number, vendorClass = 'PXEClient') =>
  classifyClient(
    dhcpMessage({
      xid: 1,
      mac: mac('52:54:00:00:00:01'),
      options: new Map([
        [60, textValue(vendorClass)],
        [93, u16Value(code)],
      ]),
    }),
  );
const fileOf = (client: ReturnType<typeof clientOf>, more: Partial<BootFileOptions> = {}) =>
  chooseBootFile(client, { server, ...more });

const HTTP = 'http://10.77.0.1:5248/';

describe('the boot file', () => {
  it.each([
    ['a full iPXE', ipxeQemuDiscover(), { file: `${HTTP}ipxe.cfg` }],
    ["VirtualBox's iPXE, which has no HTTP", virtualBoxDiscover(), { file: 'lpxelinux.0', pathPrefix: HTTP }],
    ['a BIOS PXE ROM', intelPxeDiscover(), { file: 'lpxelinux.0', pathPrefix: HTTP }],
    ['UEFI PXE', ovmfDiscover(7), { file: 'bootx64.efi' }],
    ['UEFI HTTP boot', ovmfDiscover(16), { file: `${HTTP}images/ipxe.efi` }],
    ["an operating system's client", dhclientDiscover(), { file: 'lpxelinux.0', pathPrefix: HTTP }],
  ])('of %s', (_, packet, expected) => {
    expect(fileOf(clientOf(packet))).toEqual(expected);
  });

  it.each([
    [0x00, { file: 'lpxelinux.0', pathPrefix: HTTP }],
    [0x06, null],
    [0x07, { file: 'bootx64.efi' }],
    [0x09, { file: 'bootx64.efi' }],
    [0x0b, { file: 'bootaa64.efi' }],
    [0x0c, { file: 'bootppc64.bin' }],
    [0x0e, { file: 'pxelinux.0', pathPrefix: 'ppc64el/' }],
    [0x1f, { file: 'boots390x.bin', pathPrefix: 's390x/' }],
    [0x20, { file: 's390x_partition/maas' }],
    [0x99, { file: 'lpxelinux.0', pathPrefix: HTTP }],
  ])('of architecture %i', (code, expected) => {
    expect(fileOf(ofArch(code))).toEqual(expected);
  });

  it('of HTTP boot exists for what we know only', () => {
    expect(fileOf(ofArch(0x13, 'HTTPClient'))).toEqual({ file: `${HTTP}images/bootaa64.efi` });
    expect(fileOf(ofArch(0x0f, 'HTTPClient'))).toBeNull();
  });

  it('can be another one', () => {
    const loaders = { bios: { file: 'undionly.kpxe' } };
    expect(fileOf(clientOf(intelPxeDiscover()), { loaders })).toEqual({ file: 'undionly.kpxe' });
    expect(fileOf(clientOf(ovmfDiscover()), { loaders })).toEqual({ file: 'bootx64.efi' });
  });

  it('is not given where its method is switched off', () => {
    expect(fileOf(clientOf(ovmfDiscover()), { disabled: ['uefi_amd64_tftp'] })).toBeNull();
    expect(fileOf(ofArch(9), { disabled: ['uefi_amd64_tftp'] })).not.toBeNull();
    expect(fileOf(clientOf(intelPxeDiscover()), { disabled: ['pxe'] })).toBeNull();
    expect(fileOf(clientOf(ipxeQemuDiscover()), { disabled: ['ipxe'] })).toEqual({
      file: 'lpxelinux.0',
      pathPrefix: HTTP,
    });
  });
});

describe('a client', () => {
  it('is known by what it sends', () => {
    expect(clientOf(ipxeQemuDiscover())).toEqual({
      arch: 'bios',
      archCode: 0,
      ipxe: 'full',
      pxe: true,
      http: false,
      boots: true,
    });
    expect(clientOf(virtualBoxDiscover()).ipxe).toBe('small');
    expect(clientOf(ovmfDiscover(16))).toMatchObject({ arch: 'uefi-amd64-http', http: true, pxe: false });
    expect(clientOf(dhclientDiscover())).toMatchObject({ boots: false, pxe: false });
    expect(ofArch(0x1234)).toMatchObject({ arch: 'unknown', archCode: -1, boots: true });
  });
});
