import { expect, test } from 'vitest';
import { refusalOf } from './request-guard.ts';

const options = { token: 's3cret', hosts: new Set(['127.0.0.1', 'localhost', '[::1]']) };
const check = (headers: Record<string, string>, extra = {}) =>
  refusalOf({ headers, needsToken: true, ...extra }, options);
const host = '127.0.0.1:5240';

test.each([
  [{ host, authorization: 'Bearer s3cret' }, null],
  [{ host: 'LOCALHOST', authorization: 'Bearer s3cret' }, null],
  [{ host: '[::1]:5240', authorization: 'Bearer s3cret' }, null],
  [{ host, origin: 'http://127.0.0.1:5240', authorization: 'Bearer s3cret' }, null],
  [{ host: 'evil.example', authorization: 'Bearer s3cret' }, 'bad-host'],
  [{ authorization: 'Bearer s3cret' }, 'bad-host'],
  [{ host, origin: 'http://evil.example', authorization: 'Bearer s3cret' }, 'bad-origin'],
  [{ host, origin: 'null', authorization: 'Bearer s3cret' }, 'bad-origin'],
  [{ host }, 'bad-token'],
  [{ host, authorization: 'Bearer wrong' }, 'bad-token'],
  [{ host, authorization: 'Basic s3cret' }, 'bad-token'],
])('%j → %s', (headers, expected) => {
  expect(check(headers as Record<string, string>)).toBe(expected);
});

test('a WebSocket may show the token in its address; files need none', () => {
  expect(check({ host }, { queryToken: 's3cret' })).toBeNull();
  expect(check({ host }, { queryToken: 'wrong' })).toBe('bad-token');
  expect(check({ host }, { needsToken: false })).toBeNull();
});
