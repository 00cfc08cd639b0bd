import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ipv4, mac } from '../../base/address.ts';
import type { BootClient, BootFile, BootPlan, FileClient } from '../ports.ts';
import { bootNameSpace } from './boot-name-space.ts';
import { bufferFile } from './buffer-file.ts';
import { folderFiles } from './folder-files.ts';

const known = mac('52:54:00:00:00:01');
const server = { address: ipv4('10.77.0.1'), httpPort: 5248 };
const client = (transport: FileClient['transport']): FileClient => ({
  transport,
  address: ipv4('10.77.0.9'),
  mac: null,
  server,
});
const plan = (purpose: BootPlan['purpose']): BootPlan => ({
  purpose,
  hostname: purpose,
  images: { amd64: { kernel: 'k/boot-kernel', initrd: 'i/boot-initrd' } },
  kernelOptions: [],
});

const asked: BootClient[] = [];
const space = bootNameSpace({
  firmwareFolder: fileURLToPath(new URL('../../../resources/firmware', import.meta.url)),
  directory: {
    planFor: async (who) => {
      asked.push(who);
      return who.mac === known ? plan('local') : null;
    },
    defaultPlan: async (who) => {
      asked.push(who);
      return plan('enlist');
    },
  },
  images: { find: async (path) => (path === 'k/boot-kernel' ? bufferFile('KERNEL') : null) },
});
const content = (file: BootFile) => text(file.open(0, file.size - 1));
const find = (path: string, transport: FileClient['transport'] = 'tftp') =>
  space.find(path, client(transport));

test.each([
  ['bootx64.efi', 1048504],
  ['EFI/BOOT/grubx64.efi', 3843520],
  ['BOOTX64.EFI', 1048504],
  ['mmx64.efi', 877992],
  ['images/bootx64.efi', 1048504],
  ['undionly.kpxe', 74213],
  ['ipxe.efi', 850528],
  ['lpxelinux.0', 75072],
  ['ldlinux.c32', 119524],
  ['boot/isolinux/libcom32.c32', 169552],
])('%s is a boot loader', async (path, size) => expect((await find(path))?.size).toBe(size));

test.each([
  'bios-256k.bin',
  'pxe-virtio.rom',
  'MANIFEST.json',
  'licences/GPL-2.txt',
  'nothing',
  'revocations.efi',
])('%s is not served', async (path) => expect(await find(path)).toBeNull());

test('images are below images/', async () => {
  const file = await find('images/k/boot-kernel');
  expect(file && (await content(file))).toBe('KERNEL');
  expect(await find('k/boot-kernel')).toBeNull();
});

test("an unknown machine is not found by its names, a known one is, and default is everybody's", async () => {
  expect(await find('pxelinux.cfg/01-52-54-00-00-00-02')).toBeNull();
  expect(await find('ipxe.cfg-52:54:00:00:00:02', 'http')).toBeNull();
  const own = await find('ipxe.cfg-52:54:00:00:00:01', 'http');
  expect(own && (await content(own))).toContain('sanboot');
  const fallback = await find('pxelinux.cfg/default', 'http');
  expect(fallback && (await content(fallback))).toContain('http://10.77.0.1:5248/images/k/boot-kernel');
  expect(asked.at(-1)).toEqual({
    mac: null,
    uuid: null,
    arch: null,
    loader: 'pxelinux',
    transport: 'http',
    server,
  });
});

test("GRUB's lists are empty over TFTP, its modules are missing", async () => {
  expect((await find('grub/x86_64-efi/command.lst'))?.size).toBe(0);
  expect(await find('grub/x86_64-efi/command.lst', 'http')).toBeNull();
  expect(await find('grub/x86_64-efi/http.mod')).toBeNull();
});

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rackbox-files-'));
  writeFileSync(join(folder, 'file'), 'inside');
  symlinkSync('/etc/hostname', join(folder, 'out'));
  symlinkSync('file', join(folder, 'in'));
});
afterAll(() => rmSync(folder, { recursive: true }));

test('a folder serves what is inside it', async () => {
  const files = folderFiles(folder);
  const inside = await files.find('in', client('http'));
  expect(inside && (await buffer(inside.open(2, 4))).toString()).toBe('sid');
  for (const path of ['out', '.', '', `../${folder.split('/').at(-1)}/file/../../x`, 'missing'])
    expect(await files.find(path, client('http')), path).toBeNull();
});
