import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileDisk, prepareDisk } from './file-disk.ts';

describe('FileDisk', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'rackbox-disk-'));
    file = path.join(folder, 'disk.img');
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is a sparse file of its size', async () => {
    prepareDisk(file, 1 << 30);
    const { size, blocks } = await stat(file);
    expect(size).toBe(1 << 30);
    expect(blocks).toBeLessThan(64);
    const disk = new FileDisk(file);
    expect(disk.byteLength).toBe(1 << 30);
    disk.close();
  });

  it('grows when asked to, and never shrinks', async () => {
    prepareDisk(file, 4096);
    prepareDisk(file, 8192);
    prepareDisk(file, 512);
    expect((await stat(file)).size).toBe(8192);
  });

  it('has written when it says so', async () => {
    prepareDisk(file, 8192);
    const disk = new FileDisk(file);
    const data = Uint8Array.of(1, 2, 3, 4);
    let done = false;
    disk.set(4096, data, () => {
      done = true;
    });
    expect(done).toBe(true);
    expect((await readFile(file)).subarray(4096, 4100)).toEqual(Buffer.from(data));
    disk.get(4095, 6, (read) => expect(read).toEqual(Uint8Array.of(0, 1, 2, 3, 4, 0)));
    disk.get_and_cache(4096, 2, (read) => expect(read).toEqual(Uint8Array.of(1, 2)));
    disk.close();
  });

  it('reads zeros past the end', () => {
    prepareDisk(file, 512);
    const disk = new FileDisk(file);
    expect(disk.get_from_cache(508, 8)).toEqual(new Uint8Array(8));
    disk.close();
  });

  it('tells the emulator at once that it is loaded', () => {
    prepareDisk(file, 512);
    const disk = new FileDisk(file);
    let loaded = 0;
    disk.onload = () => loaded++;
    disk.load();
    expect(loaded).toBe(1);
    disk.close();
  });
});
