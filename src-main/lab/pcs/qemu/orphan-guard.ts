import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { type Clock, sleep } from '../../../base/clock.ts';
import type { ProcessRunner } from '../../../base/process-runner.ts';

/**
 * No PC outlives the app, whatever killed it. QEMU has no option for that, so it is started in one of these ways:
 * `pdeathsig` (Linux: the kernel kills it with us), `watchdog` (other Unixes: a shell waits for the end of a pipe
 * that we hold), `none` (Windows: Node puts children into a job that ends with us).
 */
export type OrphanGuard = 'pdeathsig' | 'watchdog' | 'none';

/** The best guard of this machine. Busybox has a `setpriv` without the option, hence the look at its help. */
export async function findOrphanGuard(
  runner: ProcessRunner,
  platform: NodeJS.Platform,
): Promise<OrphanGuard> {
  if (platform === 'win32') return 'none';
  if (platform !== 'linux') return 'watchdog';
  const { stdout, stderr } = await runner.run('setpriv', ['--help'], { timeoutMs: 5000 });
  return `${stdout}${stderr}`.includes('--pdeathsig') ? 'pdeathsig' : 'watchdog';
}

/**
 * `sh` runs the command with all descriptors but 3, which is its own stdin moved away (a shell gives background
 * commands an empty one); when that pipe ends, the command is killed. `read` is part of the shell, so that nothing
 * but the shell and its copy hold the channels open, and both are gone when the command is.
 */
const WATCHDOG = [
  'exec 3<&0',
  '"$@" 3<&- </dev/null & vm=$!',
  '{ read -r line <&3; kill -9 $vm; } >/dev/null 2>&1 & dog=$!',
  'wait $vm; status=$?; kill -9 $dog 2>/dev/null; exit $status',
].join('\n');

/** The command that runs `program` under `guard`. Under `watchdog`, stdin must be a pipe and the child leads a group. */
export function guardedCommand(
  guard: OrphanGuard,
  program: string,
  args: readonly string[],
): { readonly command: string; readonly args: readonly string[] } {
  switch (guard) {
    case 'pdeathsig':
      return { command: 'setpriv', args: ['--pdeathsig', 'KILL', '--', program, ...args] };
    case 'watchdog':
      return { command: '/bin/sh', args: ['-c', WATCHDOG, 'rackbox-watchdog', program, ...args] };
    case 'none':
      return { command: program, args };
  }
}

/** QEMU writes its process id here; the path on its command line tells it from every other process. */
export function pidFileOf(folder: string): string {
  return path.join(folder, 'qemu.pid');
}

/** Ends a QEMU of this folder that an earlier app left behind. Touches no process that is not exactly that. */
export async function endOrphan(
  folder: string,
  runner: ProcessRunner,
  platform: NodeJS.Platform,
  clock: Clock,
): Promise<void> {
  const pidFile = pidFileOf(folder);
  const pid = Number.parseInt(await readFile(pidFile, 'latin1').catch(() => ''), 10);
  if (!(pid > 1)) return;
  const ours = async () => (await commandLineOf(pid, runner, platform)).includes(pidFile);
  if (await ours()) {
    kill(pid);
    for (let tries = 0; tries < 100 && (await ours()); tries++) await sleep(clock, 20);
  }
  await rm(pidFile, { force: true });
}

async function commandLineOf(pid: number, runner: ProcessRunner, platform: NodeJS.Platform): Promise<string> {
  if (platform === 'win32') return '';
  if (platform === 'linux') return readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return (await runner.run('ps', ['-o', 'command=', '-p', String(pid)], { timeoutMs: 5000 })).stdout;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself meanwhile.
  }
}
