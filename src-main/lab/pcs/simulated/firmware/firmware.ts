import { BOOT_RECORD_BYTES, decodeBootRecord, hasBootSignature } from '../disk/boot-record.ts';
import { type BootDisk, hang, type Machine } from '../machine/machine.ts';
import type { NicDevice } from '../net/nic-device.ts';
import { bootBiosPxe } from './bios-pxe.ts';
import type { BootResult } from './boot-result.ts';
import { bootEdk2Http, bootEdk2Pxe } from './edk2.ts';
import { bootIpxe } from './ipxe.ts';
import { selfTest } from './post.ts';
import { startLoader } from './start-loader.ts';

/** SeaBIOS tries again after a minute, UEFI sooner. */
const BIOS_RETRY_MS = 60_000;
const UEFI_RETRY_MS = 30_000;

export type Started = Extract<BootResult, { kind: 'linux' | 'disk' | 'poweroff' | 'reboot' }>;

/** Self-test, then each boot device in its turn, again and again, until something starts. */
export async function runFirmware(machine: Machine): Promise<Started> {
  await selfTest(machine);
  for (;;) {
    const disks = await bootableDisks(machine);
    for (const device of machine.bootOrder()) {
      const result = device === 'disk' ? fromDisk(machine, disks) : await fromNetwork(machine, disks);
      if (result.kind === 'stuck') return hang(machine.signal);
      if (result.kind !== 'next') return result;
    }
    const isBios = machine.spec.firmware === 'bios';
    machine.terminal.println(
      isBios
        ? '\nNo bootable device.  Retrying in 60 seconds.'
        : '\nBdsDxe: No bootable option or device was found.',
    );
    await machine.pace.retry(isBios ? BIOS_RETRY_MS : UEFI_RETRY_MS);
  }
}

/** Disks whose first sector can be started. UEFI starts files only, so a plain boot sector is nothing to it. */
async function bootableDisks(machine: Machine): Promise<BootDisk[]> {
  const found: BootDisk[] = [];
  for (const [index, disk] of machine.disks.entries()) {
    if (machine.faults.deadDisks?.includes(index)) continue;
    const start = await disk.read(0, BOOT_RECORD_BYTES);
    machine.signal.throwIfAborted();
    const record = decodeBootRecord(start);
    if (record || (machine.spec.firmware === 'bios' && hasBootSignature(start)))
      found.push({ index, record });
  }
  return found;
}

function fromDisk(machine: Machine, disks: readonly BootDisk[]): BootResult {
  const isBios = machine.spec.firmware === 'bios';
  if (isBios) machine.terminal.println('Booting from Hard Disk...');
  const [disk] = disks;
  if (disk) {
    if (!isBios) machine.terminal.println('BdsDxe: starting Boot0001 "UEFI Hard Drive"');
    return { kind: 'disk', disk };
  }
  machine.terminal.println(
    isBios
      ? 'Boot failed: not a bootable disk\n'
      : 'BdsDxe: failed to load Boot0001 "UEFI Hard Drive": Not Found',
  );
  return { kind: 'next' };
}

async function fromNetwork(machine: Machine, disks: readonly BootDisk[]): Promise<BootResult> {
  for (const nic of machine.nics) {
    const result = await bootFromNic(machine, nic, disks);
    // Whatever ran on the card is over; the next program opens it anew.
    nic.close();
    if (result.kind !== 'next') return result;
  }
  return { kind: 'next' };
}

function bootFromNic(machine: Machine, nic: NicDevice, disks: readonly BootDisk[]): Promise<BootResult> {
  switch (machine.spec.firmware) {
    case 'bios':
      machine.terminal.println('\nBooting from ROM...');
      if (machine.profile.plainPxeRom) return bootBiosPxe(machine, nic, disks);
      return bootIpxe(machine, nic, disks, 'pcbios', (net, file) => startLoader(net, file, 'pcbios'));
    case 'uefi':
      return bootIpxe(machine, nic, disks, 'efi', (net, file) => startLoader(net, file, 'efi'));
    case 'uefi-pxe':
    case 'uefi-secure':
      return bootEdk2Pxe(machine, nic, disks);
    case 'uefi-http':
      return bootEdk2Http(machine, nic, disks);
  }
}
