import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BootEvent } from '../../src-main/base/boot-event.ts';
import { systemClock } from '../../src-main/base/clock.ts';
import { systemRunner } from '../../src-main/base/process-runner.ts';
import { type BootHttpServer, startBootHttpServer } from '../../src-main/netboot/files/boot-http-server.ts';
import { bootNameSpace } from '../../src-main/netboot/files/boot-name-space.ts';
import { folderFiles } from '../../src-main/netboot/files/folder-files.ts';
import { LoopbackSegment } from '../support/loopback-segment.ts';
import { describeWith } from '../support/requirements.ts';

const SIZE = 20_000_003;
let root: string;
let server: BootHttpServer;
let url: string;
const segment = new LoopbackSegment();
const events: BootEvent[] = [];

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'rackbox-http-'));
  writeFileSync(join(root, 'squashfs'), randomBytes(SIZE));
  server = await startBootHttpServer({
    segment,
    clock: systemClock,
    bootLog: (event) => events.push(event),
    files: bootNameSpace({
      firmwareFolder: fileURLToPath(new URL('../../resources/firmware', import.meta.url)),
      images: folderFiles(root),
      directory: {
        planFor: async () => null,
        defaultPlan: async () => ({ purpose: 'local', hostname: 'unknown', images: {}, kernelOptions: [] }),
      },
    }),
  });
  url = `http://127.0.0.1:${segment.hostPort('tcp', 5248)}`;
});

afterAll(async () => {
  await server.dispose();
  rmSync(root, { recursive: true });
});

const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const file = () => readFileSync(join(root, 'squashfs'));
async function run(command: string, ...args: string[]): Promise<string> {
  const result = await systemRunner.run(command, args, { timeoutMs: 60_000, cwd: root });
  expect(result.code, `${command} ${args.join(' ')}\n${result.stdout}${result.stderr}`).toBe(0);
  return result.stdout;
}
/** The SHA-256 of what `command` wrote to `out`. */
async function fetched(command: string, ...args: string[]): Promise<string> {
  await run(command, ...args);
  return hash(readFileSync(join(root, 'out')));
}

describeWith('curl', { programs: ['curl'] }, () => {
  test('a whole file', async () => {
    expect(await fetched('curl', '-sSf', '-o', 'out', `${url}/images/squashfs`)).toBe(hash(file()));
    expect(events.at(-1)).toMatchObject({ phase: 'initrd', step: 'done', detail: { bytes: SIZE } });
  });

  test('the last part only', async () => {
    expect(await fetched('curl', '-sSf', '-r', `${SIZE - 100}-`, '-o', 'out', `${url}/images/squashfs`)).toBe(
      hash(file().subarray(-100)),
    );
  });

  test('resuming a broken download', async () => {
    writeFileSync(join(root, 'out'), file().subarray(0, 7_000_000));
    expect(await fetched('curl', '-sSf', '-C', '-', '-o', 'out', `${url}/images/squashfs`)).toBe(
      hash(file()),
    );
  });

  test('a part behind the end', async () => {
    const status = await run(
      'curl',
      '-sS',
      '-o',
      'out',
      '-w',
      '%{http_code}',
      '-r',
      `${SIZE}-`,
      `${url}/images/squashfs`,
    );
    expect(status).toBe('416');
  });

  test('HEAD', async () => {
    expect(await run('curl', '-sSI', `${url}/images/bootx64.efi`)).toMatch(/^content-length: 1048504\r$/im);
  });

  test('one connection for many files', async () => {
    const firmware = ['lpxelinux.0', 'ldlinux.c32', 'libcom32.c32', 'undionly.kpxe'].map(
      (name) => `${url}/${name}`,
    );
    const connections = server.counters.connections;
    await run('curl', '-sSf', ...firmware.flatMap((address) => ['-o', '/dev/null', address]));
    expect(server.counters.connections - connections).toBe(1);
  });

  test('as HTTP/1.0', async () => {
    expect(await fetched('curl', '-sSf', '-0', '-o', 'out', `${url}/images/squashfs`)).toBe(hash(file()));
  });

  test('an unknown machine falls through to the default configuration', async () => {
    const status = await run(
      'curl',
      '-sS',
      '-o',
      'out',
      '-w',
      '%{http_code}',
      `${url}/ipxe.cfg-52:54:00:00:00:01`,
    );
    expect(status).toBe('404');
    expect(await run('curl', '-sSf', `${url}/ipxe.cfg-default-amd64`)).toContain('sanboot');
  });

  test('a path that leads out is refused', async () => {
    const status = await run(
      'curl',
      '-sS',
      '--path-as-is',
      '-o',
      'out',
      '-w',
      '%{http_code}',
      `${url}/images/../../etc/passwd`,
    );
    expect(status).toBe('400');
  });

  test('many at once', async () => {
    const sums = await Promise.all(
      Array.from({ length: 16 }, async (_, i) => {
        await run('curl', '-sSf', '-o', `out-${i}`, `${url}/images/squashfs`);
        return hash(readFileSync(join(root, `out-${i}`)));
      }),
    );
    expect(new Set(sums)).toEqual(new Set([hash(file())]));
  });
});

describeWith('wget', { programs: ['wget'] }, () => {
  test('a whole file', async () => {
    expect(await fetched('wget', '-q', '-O', 'out', `${url}/images/squashfs`)).toBe(hash(file()));
  });
});

describeWith('busybox wget', { programs: ['busybox'] }, () => {
  test('a whole file', async () => {
    expect(await fetched('busybox', 'wget', '-q', '-O', 'out', `${url}/images/squashfs`)).toBe(hash(file()));
  });
});
