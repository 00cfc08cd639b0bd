import { encodeTable } from '../../../protocol/smbios.ts';
import { machineStructures } from '../../../protocol/smbios-records.ts';
import type { BootDevice, DmiIdentity } from '../pc.ts';
import type { FirmwareFile } from './v86-internals.ts';

/** SeaBIOS names devices by their place: the NE2000 in PCI slot 5, the IDE controller in slot 0x1e. */
const DEVICE_PATHS: Record<BootDevice, string> = {
  network: '/pci@i0cf8/*@5',
  disk: '/pci@i0cf8/*@1e/drive@0/disk@0',
};

/** SeaBIOS tries what is listed, and because of HALT nothing else. */
export function bootOrderFile(order: readonly BootDevice[]): FirmwareFile {
  const text = [...order.map((device) => DEVICE_PATHS[device]), 'HALT'].join('\n');
  return { name: 'bootorder', data: new TextEncoder().encode(`${text}\0`) };
}

/** The NIC's option ROM. SeaBIOS runs it as that of the card with these PCI ids, so no ROM BAR is needed. */
export function nicRomFile(rom: Uint8Array): FirmwareFile {
  return { name: 'pci10ec,8029.rom', data: rom };
}

/** Who the PC is: shows up in DHCP option 97, iPXE's settings and `/sys/class/dmi/id`. */
export function smbiosFiles(identity: DmiIdentity, memoryMb: number): FirmwareFile[] {
  const { table, entryPoint } = encodeTable(
    machineStructures({
      ...identity,
      firmware: { vendor: 'SeaBIOS', version: '1.16.2', date: '04/01/2014' },
      cpus: 1,
      cpuName: 'v86',
      memoryMb,
    }),
  );
  return [
    { name: 'etc/smbios/smbios-tables', data: table },
    { name: 'etc/smbios/smbios-anchor', data: entryPoint },
  ];
}
