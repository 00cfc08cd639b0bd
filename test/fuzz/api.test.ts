import type { FastifyInstance, InjectOptions } from 'fastify';
import { expect, test } from 'vitest';
import type { ImpairmentView, PcView } from '../../src-main/api/contract/lab.ts';
import { createApiServer } from '../../src-main/api/http-server.ts';
import type { LabControl } from '../../src-main/api/lab/lab-control.ts';
import { Signal } from '../../src-main/base/disposable.ts';
import { rackboxError } from '../../src-main/base/error-catalogue.ts';
import { type Random, seededRandom } from '../../src-main/base/random.ts';
import { escapedFrom, FUZZ_INPUTS, FUZZ_SEED, HeapWatch } from '../support/fuzzing.ts';

/** The API answers this computer's user alone; a request through all of Fastify costs far more than a packet. */
const REQUESTS = Math.ceil(FUZZ_INPUTS / 5);
const GROWTH_BYTES = 16 << 20;
const TOKEN = 'T0ken-0123456789abcdef';
const HOST = '127.0.0.1:5240';

type Words = [string, ...string[]];
const words = (...lines: string[]) => lines.join(' ').split(' ') as Words;

const METHODS = words('GET GET GET POST PUT DELETE PATCH HEAD OPTIONS') as [InjectOptions['method']];
const SPELLINGS = words(
  '/lab/api /lab/api /lab/api /%6cab/api /lab/%61pi /lab%2fapi //lab/api /lab//api /lab/./api /x/../lab/api /LAB/api',
  '/lab/api; /lab/api# http://127.0.0.1/lab/api http://evil/lab/api \\lab\\api /lab/api%00 /live /l%69ve /live# / /index',
);
const REST = words(
  '/pcs /pcs/pc-1 /pcs/pc-1/power /pcs/pc-1/screen /pcs/none /pcs/none/power /switch/ports /version /nothing',
  '/switch/ports/p1/impairment /switch/ports/p9/impairment /pcs/__proto__ /pcs/constructor/power /pcs/%00 /pcs/% /',
  '/pcs/../../../etc/passwd /pcs/..%2f..%2fpackage.json',
  `/pcs/${'x'.repeat(200)}`,
).concat('') as Words;
const QUERIES = [
  '',
  '',
  '',
  `?token=${TOKEN}`,
  '?token=wrong',
  '?token=a&token=b',
  '?token[]=1',
  '?%',
  '?__proto__=1',
] as const;
const BODIES = [
  ...['{"action":"on"}', '{"action":"off"}', '{"action":"explode"}', '{"action":["on"]}', '{"action":null}'],
  ...[
    '{"lossRate":0.5}',
    '{"lossRate":2}',
    '{"lossRate":1e999}',
    '{"delayMs":-1}',
    '{"cut":"yes"}',
    '{"cut":true}',
  ],
  ...[
    '{"__proto__":{"action":"on"}}',
    '{"constructor":{"prototype":1}}',
    '[]',
    'null',
    '"on"',
    '{',
    '',
    '\0',
    '1e999',
  ],
  ...['['.repeat(5000), '{"a":'.repeat(2000), `{"action":"${'x'.repeat(2000)}"}`],
] as const;
const TYPES = words(
  'application/json application/json application/json text/plain application/xml multipart/form-data x /',
);
const TOKENS = [
  ...[
    `Bearer ${TOKEN.slice(0, -1)}`,
    `Bearer ${TOKEN}x`,
    `bearer ${TOKEN}`,
    `Bearer  ${TOKEN}`,
    `Basic ${TOKEN}`,
  ],
  ...['Bearer ', 'Bearer', '', `Bearer ${TOKEN} ${TOKEN}`, 'Bearer undefined', `${TOKEN}`],
] as const;
const HOSTS = words(
  '127.0.0.1:5240 127.0.0.1:5240 localhost [::1]:1 evil.example 127.0.0.1.evil 127.0.0.1:x [ :',
);
const ORIGINS = words('http://127.0.0.1:5240 http://evil.example null http://127.0.0.1 file:// x');

interface Attempt {
  readonly options: InjectOptions;
  /** Everything that a request must show is there. */
  readonly genuine: boolean;
}

function attempt(random: Random): Attempt {
  const genuine = random.int(0, 1) === 0;
  const url = (genuine ? '/lab/api' : random.pick(SPELLINGS)) + random.pick(REST) + random.pick(QUERIES);
  const headers: Record<string, string> = { host: HOST, authorization: `Bearer ${TOKEN}` };
  if (!genuine) {
    headers.host = random.pick(HOSTS);
    headers.authorization = random.pick(TOKENS);
    if (random.int(0, 3) === 0) headers.origin = random.pick(ORIGINS);
    if (random.int(0, 5) === 0) Object.assign(headers, { connection: 'upgrade', upgrade: 'websocket' });
    if (random.int(0, 5) === 0) headers['transfer-encoding'] = random.pick(['chunked', 'identity', 'x']);
  }
  const method = random.pick(METHODS) ?? 'GET';
  if (random.int(0, 2) === 0) headers.accept = random.pick(['*/*', 'text/html', '\x7f', 'q=9']);
  if (method === 'GET' || method === 'HEAD') return { options: { method, url, headers }, genuine };
  headers['content-type'] = random.pick(TYPES);
  const payload = random.int(0, 9) === 0 ? Buffer.from(random.bytes(random.int(0, 64))) : random.pick(BODIES);
  return { options: { method, url, headers, payload }, genuine };
}

/** One PC and one port; knows how often it was asked or changed. */
class FakeLab implements LabControl {
  readonly onChange = new Signal<PcView>();
  touched = 0;
  readonly #pc: PcView = {
    ...{ id: 'pc-1', name: 'PC 1', kind: 'simulated', firmware: 'bios', cpus: 1, memoryMb: 512 },
    ...{ mac: '52:54:00:00:00:01', ip: null, power: 'off', honestly: '' },
    boot: { poweredAt: null, phases: [], booted: false, explanation: null },
  };

  pcs() {
    this.touched++;
    return [this.#pc];
  }

  pc(id: string) {
    this.touched++;
    return id === this.#pc.id ? this.#pc : undefined;
  }

  async power(id: string, action: string) {
    this.touched++;
    if (action === 'reset') throw rackboxError('NOT_FOUND', { what: 'PC', name: id });
  }

  async screen() {
    this.touched++;
    return { kind: 'blank' as const, lines: [], png: null };
  }

  ports() {
    this.touched++;
    return [{ name: 'p1', framesIn: 0, framesOut: 0, bytesIn: 0, bytesOut: 0, dropped: 0 }];
  }

  impair(port: string, impairment: ImpairmentView) {
    this.touched++;
    const { lossRate, delayMs } = impairment;
    if (!(lossRate >= 0 && lossRate <= 1 && delayMs >= 0)) throw new Error('the schema let it pass');
    return port === 'p1';
  }
}

async function judge(server: FastifyInstance, lab: FakeLab, { options, genuine }: Attempt): Promise<number> {
  const before = lab.touched;
  const response = await server.inject(options);
  const { statusCode, body, headers } = response;
  const fault =
    statusCode >= 500
      ? 'failed within'
      : `${body}${JSON.stringify(headers)}`.includes(TOKEN.slice(0, 12))
        ? 'told the token'
        : !genuine && (lab.touched > before || body.includes('9.8.7'))
          ? 'let a stranger in'
          : null;
  if (fault) throw new Error(`${fault}: ${statusCode} ${body}\nto ${JSON.stringify(options)}`);
  return statusCode;
}

test(
  `${REQUESTS} requests to the API (seed ${FUZZ_SEED}) are answered properly or refused`,
  { timeout: 600_000 },
  async () => {
    const random = seededRandom(FUZZ_SEED);
    const lab = new FakeLab();
    const guard = { token: TOKEN, hosts: new Set(['127.0.0.1', 'localhost', '[::1]']) };
    const server = await createApiServer({ version: '9.8.7', guard, page: import.meta.dirname, lab });
    const heap = new HeapWatch(REQUESTS);
    const seen = new Set<number>();
    const escaped = await escapedFrom(async () => {
      for (let i = 0; i < REQUESTS; i++) {
        seen.add(await judge(server, lab, attempt(random)));
        heap.after(i);
      }
    });
    expect(escaped).toEqual([]);
    expect(heap.grownBytes).toBeLessThan(GROWTH_BYTES);
    expect([...seen]).toEqual(expect.arrayContaining([200, 400, 401, 403, 404, 415, 421]));
    expect(lab.onChange.size).toBe(0);
    const headers = { host: HOST, authorization: `Bearer ${TOKEN}` };
    expect((await server.inject({ url: '/lab/api/version', headers })).json()).toEqual({ version: '9.8.7' });
    await server.close();
  },
);
