import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemRunner } from '../../../base/process-runner.ts';
import { diskFileOf, ensureDisk, readDiskFile } from './disk-file.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'rackbox-disk-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const ensure = (file: string, size: number) => ensureDisk(file, size, systemRunner, 'linux');

describe('disk files', () => {
  it('takes no space until written, grows and never shrinks', async () => {
    const file = diskFileOf(folder, { id: 'root', sizeBytes: 1 << 30 });
    await ensure(file, 1 << 30);
    expect(await stat(file)).toMatchObject({ size: 1 << 30, blocks: 0 });
    await ensure(file, 1 << 20);
    expect((await stat(file)).size).toBe(1 << 30);
  });

  it('keeps content and reads it back, up to the end', async () => {
    const file = diskFileOf(folder, { id: 'data', sizeBytes: 4096 });
    await writeFile(file, Buffer.from('content'));
    await ensure(file, 4096);
    expect(Buffer.from(await readDiskFile(file, 0, 9)).toString('latin1')).toBe('content\0\0');
    expect(await readDiskFile(file, 4096, 0)).toHaveLength(0);
    await expect(readDiskFile(file, 4090, 7)).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });

  it('keeps every id inside the folder', () => {
    for (const id of ['..', '../x', '/etc/passwd', 'a b', 'ü', '.'])
      expect(path.dirname(diskFileOf(folder, { id, sizeBytes: 1 }))).toBe(folder);
  });
});
