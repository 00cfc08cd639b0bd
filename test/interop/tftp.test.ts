import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src-main/base/clock.ts';
import { systemRunner } from '../../src-main/base/process-runner.ts';
import { folderFiles } from '../../src-main/netboot/files/folder-files.ts';
import { startTftpServer, type TftpServer } from '../../src-main/netboot/tftp/tftp-server.ts';
import { LoopbackSegment } from '../support/loopback-segment.ts';
import { describeWith } from '../support/requirements.ts';

/** Sizes around the edges: none, one block, whole blocks, and more blocks of 512 bytes than 16 bits count. */
const SIZES = {
  'empty.bin': 0,
  'one.bin': 1,
  'block.bin': 512,
  'blocks.bin': 1468 * 16,
  'large.bin': 70_000 * 512 + 7,
};
type Name = keyof typeof SIZES;
const NAMES = Object.keys(SIZES) as Name[];

let root: string;
let out: string;
let server: TftpServer;
let port: string;
const segment = new LoopbackSegment();

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'rackbox-tftp-'));
  out = mkdtempSync(join(tmpdir(), 'rackbox-tftp-out-'));
  for (const name of NAMES) writeFileSync(join(root, name), randomBytes(SIZES[name]));
  server = await startTftpServer({
    segment,
    files: folderFiles(root),
    bootLog: () => {},
    clock: systemClock,
    httpPort: 5248,
    maxTransfersPerClient: 64,
  });
  port = String(segment.hostPort('udp', 69));
});

afterAll(async () => {
  await server.dispose();
  expect(segment.openPorts).toBe(0);
  for (const folder of [root, out]) rmSync(folder, { recursive: true });
});

const hash = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
async function run(command: string, ...args: string[]): Promise<void> {
  const result = await systemRunner.run(command, args, { timeoutMs: 60_000, cwd: out });
  expect(result.code, `${command} ${args.join(' ')}\n${result.stdout}${result.stderr}`).toBe(0);
}
let counter = 0;
async function fetched(name: Name, fetch: (target: string) => Promise<void>): Promise<void> {
  const target = join(out, `${counter++}-${name}`);
  await fetch(target);
  expect(hash(target)).toBe(hash(join(root, name)));
  rmSync(target);
}

describeWith('atftp', { programs: ['atftp'] }, () => {
  const atftp = (name: Name, ...options: string[]) =>
    fetched(name, (target) =>
      run(
        'atftp',
        ...options.flatMap((option) => ['--option', option]),
        '--get',
        '--local-file',
        target,
        '--remote-file',
        name,
        '127.0.0.1',
        port,
      ),
    );

  test.each(NAMES)('%s without options', (name) => atftp(name));
  test.each(NAMES)('%s with blksize 1428 and windowsize 16', (name) =>
    atftp(name, 'blksize 1428', 'windowsize 16', 'tsize 0'));
  test('small blocks in small windows', () => atftp('blocks.bin', 'blksize 8', 'windowsize 3'));
  test('a timeout of its choice', () => atftp('blocks.bin', 'timeout 2', 'blksize 1024'));
});

describeWith('tftp of tftp-hpa', { programs: ['tftp'] }, () => {
  test.each(NAMES)('%s in octet mode', (name) =>
    fetched(name, (target) => run('tftp', '-m', 'octet', '127.0.0.1', port, '-c', 'get', name, target)));
  // Its default: random bytes hold line ends of every kind.
  test.each(['empty.bin', 'one.bin', 'blocks.bin'] as const)('%s in netascii mode', (name) =>
    fetched(name, (target) => run('tftp', '-m', 'netascii', '127.0.0.1', port, '-c', 'get', name, target)));
});

describeWith('curl', { programs: ['curl'] }, () => {
  const curl = (name: Name, ...options: string[]) =>
    fetched(name, (target) =>
      run('curl', '-sS', ...options, '-o', target, `tftp://127.0.0.1:${port}/${name}`),
    );

  test.each(NAMES.filter((name) => name !== 'empty.bin'))('%s', (name) => curl(name));
  test('with blksize 1468', () => curl('large.bin', '--tftp-blksize', '1468'));
  test('without options', () => curl('blocks.bin', '--tftp-no-options'));
  test('a missing file is told as such', async () => {
    const result = await systemRunner.run('curl', ['-sS', `tftp://127.0.0.1:${port}/nothing`]);
    expect(result.code).toBe(68); // CURLE_TFTP_NOTFOUND
  });
  test('writing is refused', async () => {
    const result = await systemRunner.run('curl', [
      '-sS',
      '-T',
      join(root, 'one.bin'),
      `tftp://127.0.0.1:${port}/new`,
    ]);
    expect(result.code).toBe(69); // CURLE_TFTP_PERM
  });
});

describeWith('busybox', { programs: ['busybox'] }, () => {
  test.each(NAMES.filter((name) => name !== 'large.bin'))('%s', (name) =>
    fetched(name, (target) =>
      run('busybox', 'tftp', '-g', '-b', '1468', '-r', name, '-l', target, '127.0.0.1', port),
    ));
});

interface NpmTftp {
  createClient(options: Record<string, unknown>): {
    get(remote: string, local: string, done: (error: Error | null) => void): void;
  };
}

describeWith('npm tftp', {}, () => {
  const require = createRequire(import.meta.url);
  const { createClient } = require('tftp') as NpmTftp;
  test.each([1, 4, 16])('with windowsize %d', (windowSize) => {
    const client = createClient({ host: '127.0.0.1', port: Number(port), blockSize: 1428, windowSize });
    return fetched(
      'large.bin',
      (target) =>
        new Promise((resolve, reject) =>
          client.get('large.bin', target, (error) => (error ? reject(error) : resolve())),
        ),
    );
  });
});

describeWith('many clients at once', { programs: ['atftp', 'curl'] }, () => {
  test('each gets its file', async () => {
    const done = server.counters.done;
    await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        fetched('large.bin', (target) =>
          i % 2
            ? run('curl', '-sS', '--tftp-blksize', '1468', '-o', target, `tftp://127.0.0.1:${port}/large.bin`)
            : run(
                'atftp',
                '--option',
                'blksize 1428',
                '--option',
                'windowsize 8',
                '--get',
                '-l',
                target,
                '-r',
                'large.bin',
                '127.0.0.1',
                port,
              ),
        ),
      ),
    );
    expect(server.counters.done - done).toBe(12);
    expect(server.transfers()).toEqual([]);
  });
});
