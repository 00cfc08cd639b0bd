import { formatMac } from '../../../../base/address.ts';
import { nicPartOf } from '../hardware/resources.ts';
import type { Machine } from '../machine/machine.ts';

/** Time until the first line, and for memory and devices after it. */
const VIDEO_MS = 400;
const BIOS_MS = 1600;
/** UEFI initialises more before it shows anything. */
const UEFI_MS = 2600;

/** The self-test with its banner: processor, memory, disks. */
export async function selfTest(machine: Machine): Promise<void> {
  const { terminal, profile, spec, pace, faults } = machine;
  await machine.step('post');
  const { firmware, product, vendor } = profile.system;
  terminal.clear();
  await pace.work(VIDEO_MS);
  const uefi = spec.firmware !== 'bios';
  terminal.println(
    `\x1b[1m${firmware.vendor}\x1b[0m ${uefi ? 'UEFI' : 'BIOS'} ${firmware.version}, ${firmware.date}`,
  );
  terminal.println(`${spec.identity.vendor || vendor} ${spec.identity.product || product}\n`);
  terminal.println(`CPU: ${profile.cpu.model}, ${spec.cpus} thread${spec.cpus === 1 ? '' : 's'}`);
  terminal.println(`Memory: ${faults.memoryMb ?? spec.memoryMb} MB ${profile.memory[0]?.type ?? ''}`);
  if (faults.memoryMb !== undefined && faults.memoryMb < spec.memoryMb)
    terminal.println('\x1b[31mWarning: memory module not usable\x1b[0m');
  await pace.work(uefi ? UEFI_MS : BIOS_MS);
  spec.disks.forEach((disk, index) => {
    const dead = faults.deadDisks?.includes(index);
    const name = disk.model ?? profile.disks[index]?.model ?? 'Disk';
    terminal.println(`Disk ${index}: ${dead ? 'not responding' : `${name} ${sizeText(disk.sizeBytes)}`}`);
  });
  for (const [index, { mac }] of spec.nics.entries())
    terminal.println(`Network ${index}: ${nicPartOf(profile, index).product} ${formatMac(mac)}`);
  terminal.println(`\nMachine UUID ${spec.identity.uuid}`);
}

/** `500.1 GB`, in the makers' decimal units. */
export function sizeText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(4, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return `${Math.round(bytes / 10 ** (power * 3 - 1)) / 10} ${units[power]}`;
}
