import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sleep, systemClock } from '../../../base/clock.ts';
import { systemRunner } from '../../../base/process-runner.ts';
import { endOrphan, findOrphanGuard, guardedCommand, type OrphanGuard, pidFileOf } from './orphan-guard.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'rackbox-orphan-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const alive = (pid: number) => existsSync(`/proc/${pid}`);

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 500 && !condition(); tries++) await sleep(systemClock, 10);
}

/** An app that starts one guarded program, which writes its process id into `pidFile` and runs for long. */
const appSource = (guard: OrphanGuard, pidFile: string) => `
import { spawn } from 'node:child_process';
import { guardedCommand } from ${JSON.stringify(fileURLToPath(new URL('./orphan-guard.ts', import.meta.url)))};
const { command, args } = guardedCommand(${JSON.stringify(guard)}, '/bin/sh', ['-c', 'echo $$ >"$0"; exec sleep 600', ${JSON.stringify(pidFile)}]);
spawn(command, args, { stdio: ['pipe', 'ignore', 'inherit', 'ignore', 'pipe'], detached: true });
setInterval(() => {}, 1000);
`;

describe.runIf(process.platform === 'linux')('the orphan guard', () => {
  it.each([
    'pdeathsig',
    'watchdog',
  ] as const)('ends the program when the app is killed: %s', async (guard) => {
    const [app, pidFile] = [path.join(folder, `${guard}.mjs`), path.join(folder, `${guard}.pid`)];
    await writeFile(app, appSource(guard, pidFile));
    const child = spawn(process.execPath, [app], { stdio: 'ignore' });
    try {
      let pid = 0;
      while (!(pid > 1) && child.exitCode === null) {
        await sleep(systemClock, 20);
        pid = Number.parseInt(await readFile(pidFile, 'latin1').catch(() => ''), 10);
      }
      expect(alive(pid)).toBe(true);
      child.kill('SIGKILL');
      await until(() => !alive(pid));
      expect(alive(pid)).toBe(false);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it.each([
    'pdeathsig',
    'watchdog',
  ] as const)('passes on descriptors and the exit status: %s', async (guard) => {
    const { command, args } = guardedCommand(guard, '/bin/sh', [
      '-c',
      'echo hello >&4; echo oops >&2; exit 7',
    ]);
    const child = spawn(command, args, { stdio: ['pipe', 'ignore', 'pipe', 'ignore', 'pipe'] });
    let [said, error] = ['', ''];
    (child.stdio as unknown as NodeJS.ReadableStream[])[4]!.on('data', (data) => {
      said += data;
    });
    child.stderr!.on('data', (data) => {
      error += data;
    });
    // 'close' comes only when no process holds a descriptor any more.
    expect((await once(child, 'close'))[0]).toBe(7);
    expect([said, error]).toEqual(['hello\n', 'oops\n']);
  });

  it('is the best that the system has', async () => {
    const help = (stdout: string) => ({
      ...systemRunner,
      run: async () => ({ code: 0, stdout, stderr: '' }),
    });
    expect(await findOrphanGuard(help(' --pdeathsig keep|clear|<signame>'), 'linux')).toBe('pdeathsig');
    expect(await findOrphanGuard(help('BusyBox'), 'linux')).toBe('watchdog');
    expect(await findOrphanGuard(help(''), 'darwin')).toBe('watchdog');
    expect(await findOrphanGuard(help(''), 'win32')).toBe('none');
    expect(guardedCommand('none', 'qemu', ['-S'])).toEqual({ command: 'qemu', args: ['-S'] });
  });

  it('ends what an earlier app left in the folder', async () => {
    const pidFile = pidFileOf(folder);
    await writeFile(pidFile, '');
    const left = spawn('tail', ['-f', pidFile], { stdio: 'ignore' });
    const ended = once(left, 'exit');
    await writeFile(pidFile, `${left.pid}\n`);
    await endOrphan(folder, systemRunner, 'linux', systemClock);
    expect((await ended)[1]).toBe('SIGKILL');
    expect(existsSync(pidFile)).toBe(false);
  });

  it('leaves a stranger alone who has the number now', async () => {
    await writeFile(pidFileOf(folder), `${process.pid}\n`);
    await endOrphan(folder, systemRunner, 'linux', systemClock);
    expect(existsSync(pidFileOf(folder))).toBe(false);
    await endOrphan(folder, systemRunner, 'linux', systemClock);
  });
});
