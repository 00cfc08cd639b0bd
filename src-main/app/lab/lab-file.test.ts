import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hasCode } from '../../base/errors.ts';
import { openLabFile, parseLabFile } from './lab-file.ts';

test('the first start writes the default lab, the second reads it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rackbox-lab-file-'));
  const path = join(folder, 'lab.json');
  const first = await openLabFile(path);
  expect(first.pcs.map(({ kind }) => kind)).toEqual(['simulated', 'simulated', 'emulated']);
  expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(first);
  expect(await openLabFile(path)).toEqual(first);
  await rm(folder, { recursive: true });
});

test.each([
  ['{', /cannot be read/],
  ['[]', /it has no version/],
  ['null', /it has no version/],
  ['{"version":2,"pcs":[]}', /it is of version 2, this app knows version 1/],
  ['{"version":1,"pcs":{}}', /not a list of PCs/],
  ['{"version":1,"pcs":[{"kind":"simulated","name":"../../etc"}]}', /not a list of PCs/],
])('%s is refused with its reason', (content, reason) => {
  expect(() => parseLabFile(content, 'lab.json')).toThrow(reason);
});

test('whatever is in the file, it is read or refused with one code', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (content) => {
      try {
        parseLabFile(content, 'lab.json');
      } catch (error) {
        expect(hasCode(error, 'LAB_FILE_INVALID')).toBe(true);
      }
    }),
  );
});
