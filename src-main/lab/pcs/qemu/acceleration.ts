import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import type { ProcessRunner } from '../../../base/process-runner.ts';

export type Acceleration = 'kvm' | 'hvf' | 'whpx' | 'tcg';

/** What one accelerator did when a guest really ran on it. */
export interface ProbeResult {
  readonly acceleration: Acceleration;
  /** Milliseconds from start to the guest's own exit; null when it never got there. */
  readonly tookMs: number | null;
  /** Why it is unusable; '' when it is usable. */
  readonly problem: string;
}

export interface AccelerationChoice {
  readonly acceleration: Acceleration;
  /** Why the others are not used, for people; '' when there is nothing to say. */
  readonly detail: string;
}

const HARDWARE: Partial<Record<NodeJS.Platform, readonly Acceleration[]>> = {
  linux: ['kvm'],
  darwin: ['hvf'],
  win32: ['whpx'],
};
const PROBE_LIMIT_MS = 10_000;
const LEAST_LIMIT_MS = 400;
/** The guest's exit value 0x31 as `isa-debug-exit` reports it: (value << 1) | 1. */
const GUEST_EXIT_CODE = 0x63;
const DISK_BYTES = 1 << 20;

/**
 * Finds out by running a guest, the only proof: device files lie. QEMU may abort on a KVM that opens
 * (nested hosts), or run it hundreds of times slower than without.
 */
export async function probeAccelerations(
  runner: ProcessRunner,
  program: string,
  platform: NodeJS.Platform,
  clock: Clock,
): Promise<ProbeResult[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'rackbox-probe-'));
  try {
    const disk = path.join(folder, 'probe.img');
    await writeFile(disk, probeDisk());
    const software = await probe(runner, program, 'tcg', disk, clock, PROBE_LIMIT_MS);
    const results = [software];
    // Hardware that takes longer than this is not chosen anyway, so nobody waits for it to end.
    const limitMs =
      software.tookMs === null ? PROBE_LIMIT_MS : Math.max(LEAST_LIMIT_MS, Math.ceil(2 * software.tookMs));
    for (const acceleration of HARDWARE[platform] ?? [])
      results.push(await probe(runner, program, acceleration, disk, clock, limitMs));
    return results;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Hardware wins unless it needed more than twice the time of software emulation. Null when nothing works.
 */
export function chooseAcceleration(results: readonly ProbeResult[]): AccelerationChoice | null {
  const software = results.find(({ acceleration }) => acceleration === 'tcg')?.tookMs ?? null;
  const remarks: string[] = [];
  for (const { acceleration, tookMs, problem } of results) {
    if (acceleration === 'tcg') continue;
    if (tookMs === null) remarks.push(`${acceleration} is unusable: ${problem}`);
    else if (software === null || tookMs <= 2 * software) return { acceleration, detail: '' };
    else
      remarks.push(
        `${acceleration} is slower than software emulation here: ${Math.round(tookMs)} ms against ${Math.round(software)} ms`,
      );
  }
  return software === null ? null : { acceleration: 'tcg', detail: remarks.join('; ') };
}

/** QEMU's arguments of an accelerator. `host` CPUs only where a hypervisor runs the guest on the real one. */
export function accelerationArguments(acceleration: Acceleration, cpus: number): string[] {
  switch (acceleration) {
    case 'kvm':
    case 'hvf':
      return ['-accel', acceleration, '-cpu', 'host'];
    case 'whpx':
      return ['-accel', 'whpx,kernel-irqchip=off'];
    case 'tcg':
      // The default translation buffer is 1 GiB a PC; a boot needs far less.
      return ['-accel', `tcg,thread=${cpus > 1 ? 'multi' : 'single'},tb-size=256`];
  }
}

async function probe(
  runner: ProcessRunner,
  program: string,
  acceleration: Acceleration,
  disk: string,
  clock: Clock,
  limitMs: number,
): Promise<ProbeResult> {
  const args = [
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-machine', 'pc', '-m', '32'],
    ...accelerationArguments(acceleration, 1),
    ...[
      '-blockdev',
      `driver=raw,node-name=probe,read-only=on,file.driver=file,file.filename=${disk.replaceAll(',', ',,')}`,
    ],
    ...[
      '-device',
      'virtio-blk-pci,drive=probe,bootindex=0',
      '-device',
      'isa-debug-exit,iobase=0xf4,iosize=1',
    ],
  ];
  const start = clock.now();
  const { code, stderr } = await runner.run(program, args, { timeoutMs: limitMs });
  if (code === GUEST_EXIT_CODE) return { acceleration, tookMs: clock.now() - start, problem: '' };
  return { acceleration, tookMs: null, problem: probeProblem(code, stderr, limitMs) };
}

function probeProblem(code: number | null, stderr: string, limitMs: number): string {
  const lastLine = stderr.trim().split('\n').at(-1) ?? '';
  // A signal or the time limit: an abort (SIGABRT) leaves its assertion on stderr.
  if (code === null && lastLine === '') return `no answer in ${(limitMs / 1000).toFixed(1)} s`;
  return lastLine === '' ? `exit status ${code}` : lastLine;
}

/** A boot sector that leaves QEMU by the debug port: `mov al, 0x31; out 0xf4, al; hlt; jmp -3`. */
function probeDisk(): Uint8Array {
  const disk = new Uint8Array(DISK_BYTES);
  disk.set([0xb0, 0x31, 0xe6, 0xf4, 0xf4, 0xeb, 0xfd]);
  disk.set([0x55, 0xaa], 510);
  return disk;
}
