import { baseName, isProgram, type LoadedFile } from '../net/loaded-file.ts';
import { type BootResult, NEXT } from './boot-result.ts';
import { bootIpxe, type IpxePlatform } from './ipxe.ts';
import type { NetBoot } from './net-boot.ts';
import { startPxelinux } from './pxelinux.ts';
import { startGrub, startShim } from './shim-grub.ts';

/**
 * Starts a boot loader that firmware downloaded. What it is shows in its name: these are the names under which
 * the field serves them (`bootx64.efi` is shim). Anything else can't be run here, as if it returned at once.
 */
export async function startLoader(
  net: NetBoot,
  loader: LoadedFile,
  platform: IpxePlatform,
): Promise<BootResult> {
  const { machine } = net;
  const name = baseName(loader.uri).toLowerCase();
  const isEfi = name.endsWith('.efi');
  await machine.step('loader', { uri: loader.uri, bytes: loader.bytes, sha256: loader.sha256 });
  if (!isProgram(loader) || isEfi !== (platform === 'efi')) {
    machine.terminal.println(`${name}: not a program for this firmware`);
    return NEXT;
  }
  if (/ipxe|undionly|snponly/.test(name))
    return bootIpxe(machine, net.nic, net.disks, platform, (next, file) => startLoader(next, file, platform));
  if (/pxelinux/.test(name)) return startPxelinux(net, loader.uri);
  if (/grub/.test(name)) return startGrub(net, loader.uri);
  if (/boot(x64|aa64)|shim/.test(name)) return startShim(net, loader.uri);
  machine.terminal.println(`${name}: the simulated PC does not know this program`);
  return NEXT;
}
