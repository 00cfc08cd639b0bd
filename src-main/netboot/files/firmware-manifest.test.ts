import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { expect, test } from 'vitest';

interface Entry {
  readonly file: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly licence: string;
  readonly source: string;
  readonly sourceVersion: string;
}

const folder = new URL('../../../resources/firmware/', import.meta.url);
const manifest: readonly Entry[] = JSON.parse(readFileSync(new URL('MANIFEST.json', folder), 'utf8'));

test.each(manifest)('$file is the file that the manifest names', (entry) => {
  const bytes = readFileSync(new URL(entry.file, folder));
  expect(bytes.length).toBe(entry.sizeBytes);
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(entry.sha256);
});

test.each(manifest)('$file has its licence text and names its source', (entry) => {
  expect(statSync(new URL(entry.licence, folder)).size).toBeGreaterThan(1000);
  expect(entry.source).not.toBe('');
  expect(entry.sourceVersion).not.toBe('');
});

test('no binary is missing from the manifest', () => {
  const known = new Set([...manifest.map((entry) => entry.file), 'MANIFEST.json', 'README.md', 'collect.sh']);
  const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
  expect(files.map((entry) => entry.name).filter((name) => !known.has(name))).toEqual([]);
});

test('every licence that the copyright files point to is beside them', () => {
  const licences = new URL('licences/', folder);
  const named = readdirSync(licences).flatMap((name) =>
    [...readFileSync(new URL(name, licences), 'utf8').matchAll(/common-licenses\/([A-Z]+-[\d.]*\d)/g)].map(
      (match) => match[1],
    ),
  );
  expect(named.length).toBeGreaterThan(0);
  for (const name of named) expect(existsSync(new URL(`${name}.txt`, licences)), `${name}`).toBe(true);
});
