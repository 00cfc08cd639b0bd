import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Signal } from '../base/disposable.ts';
import { createApiServer } from './http-server.ts';
import type { LabControl } from './lab/lab-control.ts';

const TOKEN = 's3cret';
const host = '127.0.0.1:5240';
let asked: number;
let server: FastifyInstance;

const lab: LabControl = {
  onChange: new Signal(),
  pcs() {
    asked++;
    return [];
  },
  pc: () => undefined,
  power: async () => {},
  screen: async () => ({ kind: 'blank', lines: [], png: null }),
  ports: () => [],
  impair: () => false,
};

beforeEach(async () => {
  asked = 0;
  server = await createApiServer({
    version: '1.2.3',
    guard: { token: TOKEN, hosts: new Set(['127.0.0.1']) },
    page: import.meta.dirname,
    lab,
  });
  await server.ready();
});

afterEach(() => server.close());

const status = async (url: string, headers = {}) =>
  (await server.inject({ url, headers: { host, ...headers } })).statusCode;

test('who shows the token is answered', async () => {
  expect(await status('/lab/api/pcs', { authorization: `Bearer ${TOKEN}` })).toBe(200);
  expect(asked).toBe(1);
});

test.each([
  '/lab/api/pcs',
  '/%6cab/api/pcs',
  '/lab/%61pi/pcs',
  'http://127.0.0.1/lab/api/pcs',
  '/lab/api/pcs#',
  '/lab/api/pcs?token=s3cret',
  '/lab/api/pcs?token=s3cret&token=s3cret',
])('without the token in a header %s tells nothing', async (url) => {
  expect(await status(url)).not.toBe(200);
  expect(asked).toBe(0);
});

test.each([
  '/live',
  '/live#',
  '/%6cive',
  '/live?token=wrong',
  '/live?token=s3cret&token=s3cret',
])('no window opens at %s', async (url) => {
  await expect(server.injectWS(url, { headers: { host } })).rejects.toThrow('401');
  expect(asked).toBe(0);
});

test('a window opens with the token in its address', async () => {
  const socket = await server.injectWS(`/live?token=${TOKEN}`, { headers: { host } });
  expect(asked).toBe(1);
  socket.terminate();
});

test('an address that cannot be read is refused without repeating it', async () => {
  const response = await server.inject({ url: `/lab/api/%?token=${TOKEN}`, headers: { host } });
  expect(response.statusCode).toBe(400);
  expect(response.json()).toMatchObject({ code: 'BAD_REQUEST' });
  expect(response.body).not.toContain(TOKEN);
});

test('the page itself is no secret', async () => {
  expect(await status('/http-server.ts')).toBe(200);
  expect(await status('/../package.json')).not.toBe(200);
});
