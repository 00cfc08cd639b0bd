import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TftpOption } from '../../protocol/tftp.ts';
import { ETHERNET_BLOCK_SIZE, MAX_WINDOW_SIZE, negotiate } from './options.ts';

const limits = { maxBlockSize: ETHERNET_BLOCK_SIZE, maxWindowSize: MAX_WINDOW_SIZE };
const agree = (...options: TftpOption[]) => negotiate(options, 1000, limits);

test('no options, no OACK', () => {
  expect(agree()).toEqual({ blockSize: 512, windowSize: 1, timeoutMs: null, accepted: [] });
});

test('what EDK2 asks for', () => {
  expect(agree(['tsize', '0'], ['blksize', '1468'], ['windowsize', '4'])).toEqual({
    blockSize: 1468,
    windowSize: 4,
    timeoutMs: null,
    accepted: [
      ['tsize', '1000'],
      ['blksize', '1468'],
      ['windowsize', '4'],
    ],
  });
});

test('too much is lowered', () => {
  expect(agree(['blksize', '65464'], ['windowsize', '65535']).accepted).toEqual([
    ['blksize', '1468'],
    ['windowsize', '64'],
  ]);
});

test('the timeout is echoed as sent', () => {
  expect(agree(['timeout', '03'])).toMatchObject({ timeoutMs: 3000, accepted: [['timeout', '03']] });
});

test.each([
  ['blksize', '7'],
  ['blksize', '65465'],
  ['blksize', '-1'],
  ['blksize', '1e3'],
  ['blksize', ''],
  ['timeout', '0'],
  ['timeout', '256'],
  ['windowsize', '0'],
  ['windowsize', '65536'],
  ['multicast', ''],
  ['rollover', '0'],
])('%s=%s is ignored', (name, value) => {
  expect(agree([name, value])).toEqual({ blockSize: 512, windowSize: 1, timeoutMs: null, accepted: [] });
});

test('the first of two counts', () => {
  expect(agree(['blksize', '1024'], ['blksize', '600']).accepted).toEqual([['blksize', '1024']]);
});

test('whatever is asked, the result is within the limits and answers only what was asked', () => {
  const name = fc.constantFrom('blksize', 'tsize', 'timeout', 'windowsize', 'odd');
  const value = fc.oneof(fc.string(), fc.integer().map(String), fc.nat(70_000).map(String));
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value)), (options) => {
      const agreed = negotiate(options, 5, limits);
      expect(agreed.blockSize).toBeGreaterThanOrEqual(8);
      expect(agreed.blockSize).toBeLessThanOrEqual(ETHERNET_BLOCK_SIZE);
      expect(agreed.windowSize).toBeGreaterThanOrEqual(1);
      expect(agreed.windowSize).toBeLessThanOrEqual(MAX_WINDOW_SIZE);
      const asked = new Set<string>(options.map(([key]) => key));
      for (const [key] of agreed.accepted) expect(asked.has(key)).toBe(true);
    }),
  );
});
