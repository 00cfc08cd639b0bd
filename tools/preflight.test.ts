import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
// @ts-expect-error: the tools are plain JavaScript, so that they load on every Node
import { nodeComplaint } from './preflight.mjs';

test.each(['v22.18.0', 'v22.21.1', 'v24.0.0', 'v26.10.0'])('%s will do', (version) => {
  expect(nodeComplaint(version)).toBeNull();
});

test.each(['v18.20.0', 'v20.20.2', 'v22.17.9'])('%s is told in one line what is needed', (version) => {
  const complaint = nodeComplaint(version);
  expect(complaint).toContain(version);
  expect(complaint).toContain('22.18');
  expect(complaint).not.toContain('\n');
});

test('before "npm ci" the command says what to run', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rackbox-preflight-'));
  await cp(import.meta.dirname, join(folder, 'tools'), { recursive: true });
  const attempt = promisify(execFile)(process.execPath, [join(folder, 'tools/rackbox.mjs'), '--help']);
  await expect(attempt).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('npm ci --ignore-scripts'),
  });
  await rm(folder, { recursive: true });
});
