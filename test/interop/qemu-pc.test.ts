import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describePcKind, type PcSuiteHarness } from '../../src-main/lab/pcs/pc.suite.ts';
import type { Pc } from '../../src-main/lab/pcs/pc.ts';
import { createQemuKind } from '../../src-main/lab/pcs/qemu/qemu-kind.ts';
import { QemuPc } from '../../src-main/lab/pcs/qemu/qemu-pc.ts';
import { childProcesses } from '../support/child-processes.ts';
import { describeWith } from '../support/requirements.ts';

const PROGRAM = 'qemu-system-x86_64';

const usual = {
  firmwareFolder: path.resolve('resources/firmware'),
  discoverWithinMs: 30_000,
  quietForMs: 5000,
  leftovers: () => childProcesses(PROGRAM),
  kill(pc: Pc) {
    if (pc instanceof QemuPc && pc.pid !== undefined) process.kill(pc.pid, 'SIGKILL');
  },
};

const fillDisk: PcSuiteHarness['fillDisk'] = async (pc, _environment, content) => {
  await pc.readDisk(0, 0, 1); // makes the file
  if (pc instanceof QemuPc) await writeFile(pc.diskFiles[0]!, content, { flag: 'r+' });
};

describeWith('QEMU PCs', { programs: [PROGRAM] }, () => {
  const software = { acceleration: 'tcg' } as const;
  describePcKind('qemu, BIOS', { ...usual, kind: createQemuKind(software), fillDisk });
  describePcKind('qemu, BIOS, frames by UDP', {
    ...usual,
    kind: createQemuKind({ ...software, cable: 'dgram' }),
    spec: { nics: [{ mac: 0x525400abcd01 as never, model: 'e1000' }] },
  });
});

describeWith('QEMU PCs with UEFI', { programs: [PROGRAM] }, () => {
  describePcKind('qemu, UEFI', {
    ...usual,
    kind: createQemuKind({ acceleration: 'tcg' }),
    spec: { firmware: 'uefi', memoryMb: 512 },
    discoverWithinMs: 60_000,
    quietForMs: 12_000,
  });
});
