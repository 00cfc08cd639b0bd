import { execFile, spawn } from 'node:child_process';
import { access, chmod, constants, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunLabResult } from '../../src-main/app/lab/throw-away-lab.ts';
import { ensureBuilt } from '../support/built.ts';
import { describeWith } from '../support/requirements.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const rackbox = join(root, 'tools/rackbox.mjs');
const PLAIN_USER = '65534';

let folder: string;
beforeAll(async () => {
  ensureBuilt();
  folder = await mkdtemp(join(tmpdir(), 'rackbox-e2e-'));
  await chmod(folder, 0o777);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs the built command to its end, whatever its exit code. */
function command(program: string, args: string[], environment: NodeJS.ProcessEnv = {}) {
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    const child = spawn(program, args, {
      cwd: root,
      env: { ...process.env, TMPDIR: folder, ...environment },
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (data) => (stdout += data));
    child.stderr.on('data', (data) => (stderr += data));
    child.once('exit', (code) => resolve({ code, stdout, stderr }));
  });
}

/** As somebody without any right; where the project lies in a folder of root's, reading it is allowed. */
async function asPlainUser(args: string[]) {
  const readable = await run('setpriv', [
    '--reuid',
    PLAIN_USER,
    '--regid',
    PLAIN_USER,
    '--clear-groups',
    'test',
    '-r',
    rackbox,
  ]).then(
    () => true,
    () => false,
  );
  const reading = readable ? [] : ['--inh-caps', '+dac_read_search', '--ambient-caps', '+dac_read_search'];
  const identity = ['--reuid', PLAIN_USER, '--regid', PLAIN_USER, '--clear-groups', ...reading];
  return command('setpriv', [...identity, process.execPath, rackbox, ...args], { HOME: folder });
}

describeWith('rackbox lab run', { programs: ['qemu-system-x86_64', 'tshark', 'setpriv'], root: true }, () => {
  test(
    'boots every kind as a plain user, and tshark reads the capture without one malformed packet',
    { timeout: 400_000 },
    async () => {
      const capture = join(folder, 'boot.pcap');
      const pcs = 'simulated:20,emulated:1,qemu:1,qemu-uefi:1';
      const result = await asPlainUser([
        'lab',
        'run',
        '--pcs',
        pcs,
        '--until',
        'booted',
        '--json',
        '--timeout',
        '300',
        '--capture',
        capture,
      ]);
      expect(result, result.stderr).toMatchObject({ code: 0, stderr: '' });

      const outcome = JSON.parse(result.stdout) as RunLabResult;
      expect(outcome.pcs).toHaveLength(23);
      for (const pc of outcome.pcs) {
        expect(pc, pc.name).toMatchObject({ booted: true, explanation: null });
        const phases = pc.phases.map((phase) => phase.phase).filter((phase) => phase !== 'loader');
        expect(phases, pc.name).toEqual([
          'power',
          'dhcp',
          'config',
          'kernel',
          'initrd',
          'preseed',
          'userdata',
        ]);
      }
      expect(new Set(outcome.pcs.map((pc) => pc.ip)).size).toBe(23);

      const malformed = await run('tshark', ['-r', capture, '-Y', '_ws.malformed']);
      expect(malformed.stdout).toBe('');
      const acks = await run('tshark', [
        '-r',
        capture,
        '-Y',
        'dhcp.option.dhcp == 5',
        '-T',
        'fields',
        '-e',
        'dhcp.hw.mac_addr',
      ]);
      expect(new Set(acks.stdout.trim().split('\n')).size).toBe(23);

      // Nothing of the lab is left: neither files nor processes.
      expect((await readdir(folder)).filter((name) => name.startsWith('rackbox-lab'))).toEqual([]);
      await expect(run('pgrep', ['-u', PLAIN_USER, '-f', 'qemu'])).rejects.toMatchObject({ code: 1 });
    },
  );

  test(
    'boots by the firmware’s own PXE client, by HTTP boot, and under Secure Boot',
    { timeout: 400_000 },
    async () => {
      const pcs = 'simulated-uefi-pxe:2,simulated-uefi-http:2,qemu-uefi-pxe:1,qemu-secure:1';
      const result = await command(process.execPath, [
        rackbox,
        'lab',
        'run',
        '--pcs',
        pcs,
        '--json',
        '--timeout',
        '300',
      ]);
      const outcome = JSON.parse(result.stdout) as RunLabResult;
      expect(outcome.pcs.filter((pc) => !pc.booted)).toEqual([]);
      expect(result.code).toBe(0);
      for (const pc of outcome.pcs)
        expect(
          pc.phases.map((phase) => phase.phase),
          pc.name,
        ).toContain('loader');
    },
  );

  test('says in one line what is wrong with the command line, and in the outcome what is wrong with a boot', async () => {
    const unknown = await command(process.execPath, [rackbox, 'lab', 'run', '--pcs', 'toaster:1']);
    expect(unknown).toMatchObject({ code: 2, stdout: '' });
    expect(unknown.stderr).toMatch(/"toaster:1" is not valid: the kinds are simulated, /);

    const hasty = await command(process.execPath, [
      rackbox,
      'lab',
      'run',
      '--pcs',
      'simulated:1',
      '--speed',
      'real',
      '--timeout',
      '0.5',
      '--json',
    ]);
    expect(hasty.code).toBe(1);
    expect(JSON.parse(hasty.stdout).pcs[0].explanation).toMatch(/has not asked for an address/);
  });
});

describeWith('rackbox serve', {}, () => {
  test('prints one line of JSON when it is ready, answers with the token only, and ends on SIGTERM leaving nothing', async () => {
    const data = join(folder, 'data');
    const child = spawn(process.execPath, [rackbox, 'serve', '--data', data, '--listen', '127.0.0.1:0'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const line = await new Promise<string>((resolve) =>
      child.stdout.once('data', (text) => resolve(String(text))),
    );
    const { ready, url } = JSON.parse(line);
    expect(ready).toBe(true);

    const { origin, hash } = new URL(url);
    const token = new URLSearchParams(hash.slice(1)).get('token');
    expect((await fetch(`${origin}/lab/api/pcs`)).status).toBe(401);
    const pcs = await fetch(`${origin}/lab/api/pcs`, { headers: { authorization: `Bearer ${token}` } });
    expect(await pcs.json()).toMatchObject([
      { name: 'pc1', kind: 'simulated', power: 'off' },
      { name: 'pc2', kind: 'simulated', power: 'off' },
      { name: 'pc3', kind: 'emulated', power: 'off' },
    ]);
    expect(JSON.parse(await readFile(join(data, 'controller.json'), 'utf8'))).toMatchObject({
      url: origin,
      token,
    });

    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    await expect(access(join(data, 'controller.json'), constants.F_OK)).rejects.toThrow();
  });
});
