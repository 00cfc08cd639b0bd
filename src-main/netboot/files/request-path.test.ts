import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isBelow, requestPath } from './request-path.ts';

test.each([
  ['/ipxe.cfg-52:54:00:00:00:01', '/ipxe.cfg-52:54:00:00:00:01'],
  ['/ipxe.cfg-52%3A54%3a00:00:00:01', '/ipxe.cfg-52:54:00:00:00:01'],
  ['//images//a', '/images/a'],
  ['/MAAS/metadata//latest/?op=x', '/MAAS/metadata/latest/'],
  ['http://10.77.0.1:5248/ipxe.cfg', '/ipxe.cfg'],
  ['http://10.77.0.1:5248', '/'],
  ['', '/'],
  ['*', '*'],
])('%s is %s', (target, path) => expect(requestPath(target)).toBe(path));

test.each(['/%', '/%zz', '/%ff%fe'])('%s can not be decoded', (target) => {
  expect(requestPath(target)).toBeNull();
});

test('never throws', () => {
  fc.assert(fc.property(fc.string(), (target) => void requestPath(target)));
});

test('below a prefix', () => {
  expect(isBelow('/MAAS/metadata/latest', '/MAAS/metadata')).toBe(true);
  expect(isBelow('/MAAS/metadata', '/MAAS/metadata/')).toBe(true);
  expect(isBelow('/MAAS/metadatax', '/MAAS/metadata')).toBe(false);
});
