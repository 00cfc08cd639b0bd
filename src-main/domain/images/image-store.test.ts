import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { beforeAll, describe, expect, test } from 'vitest';
import { BUILT_IN_OS, BUILT_IN_RELEASE, builtInImages, SIGNED } from './built-in-image.ts';
import { ImageStore } from './image-store.ts';

const folder = join(import.meta.dirname, '../../../resources/micro-linux');

describe('the built-in image', () => {
  const store = new ImageStore();
  beforeAll(async () => {
    for (const image of await builtInImages(folder)) store.add(image);
  });

  test('is there for a 32-bit and a 64-bit PC', () => {
    expect(new Set(store.images().map((image) => image.arch))).toEqual(new Set(['amd64', 'i386']));
  });

  test.each(['i386', 'amd64'])('%s: the path that a plan names leads to the whole file', async (arch) => {
    const { kernel } = store.bootFilesOf(BUILT_IN_OS, BUILT_IN_RELEASE)[arch]!;
    const recorded = store.images().find((image) => image.arch === arch)!.files[0]!;
    const file = (await store.find(kernel))!;
    const content = await buffer(file.open(0, file.size - 1));
    expect(content.length).toBe(file.size);
    expect(createHash('sha256').update(content).digest('hex')).toBe(recorded.sha256);
  });

  test('a flavour is taken where there is one, and the generic kernel elsewhere', () => {
    const generic = store.bootFilesOf(BUILT_IN_OS, BUILT_IN_RELEASE);
    const signed = store.bootFilesOf(BUILT_IN_OS, BUILT_IN_RELEASE, SIGNED);
    expect(signed.i386).toEqual(generic.i386);
    expect(signed.amd64?.kernel).toContain('/amd64/signed/');
    expect(generic.amd64?.kernel).toContain('/amd64/generic/');
  });

  test('only the file id decides; nothing else leads anywhere', async () => {
    const { initrd } = store.bootFilesOf(BUILT_IN_OS, BUILT_IN_RELEASE).amd64!;
    expect(await store.find(`${initrd.split('/')[0]}/whatever`)).not.toBeNull();
    expect(await store.find('../../etc/passwd')).toBeNull();
    expect(await store.find('')).toBeNull();
    expect(store.bootFilesOf('ubuntu', 'noble')).toEqual({});
  });
});

test('a missing folder is told by its file', async () => {
  await expect(builtInImages('/nowhere')).rejects.toMatchObject({ code: 'RESOURCE_MISSING' });
});
