import { expect, test } from 'vitest';
import { systemRunner } from './process-runner.ts';

test('tells how a program ended and what it said', async () => {
  expect(await systemRunner.run(process.execPath, ['-e', 'console.log("a b"); process.exit(3)'])).toEqual({
    code: 3,
    stdout: 'a b\n',
    stderr: '',
  });
  expect(
    await systemRunner.run(process.execPath, ['-e', 'process.stdin.pipe(process.stdout)'], { input: 'x' }),
  ).toMatchObject({
    code: 0,
    stdout: 'x',
  });
});

test('a missing program is code 127', async () => {
  expect(await systemRunner.run('no-such-program', [])).toMatchObject({ code: 127 });
});

test('ends a program that takes too long, at any length of time', async () => {
  const endless = ['-e', 'setInterval(() => {}, 1000)'];
  expect(await systemRunner.run(process.execPath, endless, { timeoutMs: 200.5 })).toMatchObject({
    code: null,
  });
});
