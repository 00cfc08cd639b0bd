import { rackboxError } from '../../../base/error-catalogue.ts';
import type { PcCapabilities, PcSpec } from '../pc.ts';

export const CAPABILITIES: PcCapabilities = {
  firmwares: ['bios'],
  nicModels: ['ne2k'],
  maxNics: 1,
  maxDisks: 2,
  maxCpus: 1,
  memoryMb: { min: 32, max: 1792, usual: 128 },
  honestly:
    'A 32-bit PC with a BIOS, one processor, one network card and less than 2 GB of memory, emulated in ' +
    'software: it runs real firmware and i386 systems, never a 64-bit one.',
};

/** v86 counts sectors in 31 bits. */
const MAX_DISK_BYTES = 2 ** 40 - 512;
const SECTOR = 512;

/** Throws PC_UNSUPPORTED for what no emulated PC can be. */
export function refuseImpossible(spec: PcSpec): void {
  const { firmwares, nicModels, maxDisks, memoryMb } = CAPABILITIES;
  const check = (possible: boolean, what: string, hint: string) => {
    if (!possible) throw rackboxError('PC_UNSUPPORTED', { kind: 'emulated', what, hint });
  };
  check(firmwares.includes(spec.firmware), `${spec.firmware} firmware`, 'It has a BIOS.');
  check(spec.cpus === 1, `${spec.cpus} processors`, 'It has one.');
  check(
    spec.memoryMb >= memoryMb.min && spec.memoryMb <= memoryMb.max,
    `${spec.memoryMb} MB of memory`,
    `It takes ${memoryMb.min} to ${memoryMb.max} MB.`,
  );
  check(spec.nics.length === 1, `${spec.nics.length} network cards`, 'It has one.');
  for (const { model = nicModels[0] } of spec.nics)
    check(nicModels.includes(model), `a ${model} network card`, 'It has an NE2000.');
  check(spec.disks.length <= maxDisks, `${spec.disks.length} disks`, `It takes ${maxDisks}.`);
  for (const { id, sizeBytes } of spec.disks) {
    check(/^[\w-][\w.-]*$/.test(id), `a disk named "${id}"`, 'Use letters, digits, "-", "_" and ".".');
    check(
      sizeBytes >= SECTOR && sizeBytes <= MAX_DISK_BYTES && sizeBytes % SECTOR === 0,
      `a disk of ${sizeBytes} bytes`,
      'Choose whole sectors of 512 bytes, less than 1 TiB.',
    );
  }
}
