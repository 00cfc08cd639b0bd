import { mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type BootRecord, decodeBootRecord, encodeBootRecord, hasBootSignature } from './boot-record.ts';
import { SparseDisk } from './sparse-disk.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'rackbox-disk-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const file = () => path.join(folder, 'disk0.pages');

describe('sparse disk', () => {
  test('keeps what was written, across pages and reopening', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(20_000), fc.uint8Array({ maxLength: 9000 })), { maxLength: 8 }),
        async (writes) => {
          await rm(file(), { force: true });
          const size = 24_000;
          const expected = new Uint8Array(size);
          const disk = new SparseDisk(file(), size);
          for (const [offset, data] of writes) {
            expected.set(data.subarray(0, size - offset), offset);
            void disk.write(offset, data);
          }
          expect(await disk.read(0, size)).toEqual(expected);
          await disk.close();
          const again = new SparseDisk(file(), size);
          expect(await again.read(0, size)).toEqual(expected);
          await again.close();
        },
      ),
      { numRuns: 30 },
    );
  });

  test('is small for a large disk, and no file until something is written', async () => {
    const disk = new SparseDisk(file(), 12e12);
    expect(await disk.read(11e12, 4)).toEqual(new Uint8Array(4));
    expect(await readdir(folder)).toEqual([]);
    await disk.write(11e12, Uint8Array.of(1, 2));
    expect(await disk.read(11e12 - 1, 4)).toEqual(Uint8Array.of(0, 1, 2, 0));
    await disk.close();
    expect((await stat(file())).size).toBeLessThan(10_000);
  });

  test('drops what lies behind the end and forgets a torn record', async () => {
    const disk = new SparseDisk(file(), 10_000);
    await disk.write(9_998, Uint8Array.of(1, 2, 3, 4));
    await disk.write(0, Uint8Array.of(9));
    expect(await disk.read(9_998, 4)).toEqual(Uint8Array.of(1, 2, 0, 0));
    await disk.close();
    await truncate(file(), (await stat(file())).size - 100);
    const again = new SparseDisk(file(), 10_000);
    expect(await again.read(0, 1)).toEqual(Uint8Array.of(0));
    await again.write(4096, Uint8Array.of(5));
    expect(await again.read(9_998, 2)).toEqual(Uint8Array.of(1, 2));
    await again.close();
  });
});

describe('boot record', () => {
  const record: BootRecord = {
    os: 'ubuntu',
    release: 'noble',
    hostname: 'calm-otter',
    kernelVersion: '6.8.0-45-generic',
    efiFiles: ['/efi/boot/bootx64.efi'],
    datasource: { metadataUrl: 'http://10.77.0.1/', consumerKey: 'c', tokenKey: 't', tokenSecret: 's' },
  };

  test('comes back as it was', () => {
    expect(decodeBootRecord(encodeBootRecord(record))).toEqual(record);
    expect(decodeBootRecord(encodeBootRecord({ ...record, datasource: null }))?.datasource).toBeNull();
  });

  test('is none on other disks, and nothing makes it throw', () => {
    expect(decodeBootRecord(new Uint8Array(8192))).toBeNull();
    const start = encodeBootRecord(record).slice(0, 516);
    expect(hasBootSignature(start)).toBe(true);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        decodeBootRecord(bytes);
        decodeBootRecord(Uint8Array.from([...start, ...bytes]));
      }),
    );
  });
});
