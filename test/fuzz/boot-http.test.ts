import { describe, expect, test } from 'vitest';
import { answerEnlistment } from '../../src-main/api/metadata/enlistment.ts';
import { type Random, seededRandom } from '../../src-main/base/random.ts';
import { normalizeBootPath } from '../../src-main/netboot/files/boot-path.ts';
import { parseRange } from '../../src-main/netboot/files/byte-range.ts';
import { fileRole } from '../../src-main/netboot/files/file-role.ts';
import { requestPath } from '../../src-main/netboot/files/request-path.ts';
import { parseConfigPath } from '../../src-main/netboot/loaders/config-path.ts';
import { BootHttpRig, type Client, SERVER } from '../support/boot-http-rig.ts';
import { escapedFrom, FUZZ_INPUTS, FUZZ_SEED, HeapWatch, turn } from '../support/fuzzing.ts';

const GROWTH_BYTES = 16 << 20;

const PIECES = words(
  '/ // \\ .. . %2e%2e %2e%2e%2f %5c %00 % %c0%af %25 ? # &op= * [::1] : @ \xff http://x etc/passwd C: constructor __proto__',
  'images/ boot-kernel boot empty ipxe.cfg grub/grub.cfg- default-amd64 .efi pxelinux.cfg/ 01-52-54-00-00-00-01 toString',
  'y'.repeat(300),
);
const VERSION = words('latest/ 2012-03-01/ enlist/latest/ //latest// 1999/ constructor/');
const TOPIC = words(
  'meta-data/ meta-data/ meta-data/ user-data enlist-preseed/?op=get_enlist_preseed nothing __proto__/',
);
const RANGES = words(
  'bytes=0- bytes=0-0 bytes=-5 bytes=99999- bytes=5-2 bytes=-0 bytes=1-2,4-5 lines=1-2 bytes=100000- bytes= bytes=-',
  'bytes=99999999999999999999- bytes=-99999999999999 bytes=a-b',
);
const METHODS = words('GET GET GET GET HEAD HEAD POST PUT CONNECT get PRI G\0T');
const VERSIONS = words('HTTP/1.1 HTTP/1.1 HTTP/1.1 HTTP/1.1 HTTP/1.0 HTTP/2.0 HTTP/9 X');
const ENDS = ['\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r', '\n\r'] as const;
const BODIES = ['', 'abc', '0\r\n\r\n', '3\r\nabc\r\n0\r\n\r\n', 'ffffffffffffffff\r\n', '-1\r\n'] as const;
/** One set of header lines in each line; among them what proxies and servers have read differently. */
const HEADERS = `host: a
host: a|host: b
connection: close
connection: upgrade|upgrade: h2c
upgrade: websocket
expect: x
expect: 100-continue
transfer-encoding: chunked
transfer-encoding: chunked, identity
transfer-encoding : chunked
content-length: 3|transfer-encoding: chunked
content-length: 3
content-length: 0
content-length: -1
content-length: 3|content-length: 4
content-length: 99999999999999999999
x\0: y
x: \x01\x7f\xff
 folded: yes
: nameless
no colon
if-range: "x"
x: ${'z'.repeat(9000)}
${'y: 1|'.repeat(100)}`
  .split('\n')
  .map((lines) => lines.replaceAll('|', '\r\n')) as [string, ...string[]];

function words(...lines: string[]): [string, ...string[]] {
  return lines.join(' ').split(' ') as [string, ...string[]];
}

const GET_KERNEL = 'GET /images/boot-kernel HTTP/1.1\r\nhost: x\r\n\r\n';

function pathOf(random: Random): string {
  let path = random.int(0, 9) === 0 ? '' : '/';
  if (random.int(0, 3) === 0) path += `MAAS/metadata/${random.pick(VERSION)}${random.pick(TOPIC)}`;
  for (let n = random.int(0, 5); n > 0; n--) path += random.pick(PIECES);
  return path;
}

/** One request, or several that do not wait for their answers. */
function bytesOf(random: Random): string {
  if (random.int(0, 39) === 0) return GET_KERNEL.repeat(random.int(2, 40));
  let bytes = requestOf(random);
  for (let n = random.pick([0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 30]); n > 0; n--) bytes += requestOf(random);
  return bytes;
}

/** What a client could well ask for, or what none would. */
function requestOf(random: Random): string {
  if (random.int(0, 19) === 0) return Buffer.from(random.bytes(random.int(1, 80))).toString('latin1');
  const end = random.pick(ENDS);
  const tame = random.int(0, 2) > 0;
  const path = random.int(0, 3) === 0 ? '/images/boot-kernel' : pathOf(random).replaceAll(' ', '');
  const lines = tame
    ? [`${random.pick(['GET', 'GET', 'HEAD', 'POST'])} ${path} HTTP/1.1`, 'host: 10.77.0.1:5248']
    : [`${random.pick(METHODS)} ${path} ${random.pick(VERSIONS)}`];
  if (random.int(0, 2) === 0) lines.push(`range: ${random.pick(RANGES)}`);
  for (let n = tame ? 0 : random.int(0, 3); n > 0; n--) lines.push(random.pick(HEADERS));
  let request = lines.join(end) + end + end + (tame ? '' : random.pick(BODIES));
  if (!tame && random.int(0, 3) === 0) {
    const at = random.int(0, request.length);
    request = request.slice(0, at) + String.fromCharCode(random.int(0, 255)) + request.slice(at + 1);
  }
  return random.int(0, 29) === 0 ? request.slice(0, random.int(0, request.length)) : request;
}

describe(`${FUZZ_INPUTS} hostile requests (seed ${FUZZ_SEED})`, () => {
  test('to the parsers get no further', () => {
    const random = seededRandom(FUZZ_SEED);
    const heap = new HeapWatch(FUZZ_INPUTS);
    for (let i = 0; i < FUZZ_INPUTS; i++) {
      const target = pathOf(random);
      const decoded = requestPath(target);
      const path = normalizeBootPath(decoded ?? target);
      if (path !== null) {
        if (/(?:^|\/)(?:\.\.?)?(?:\/|$)|[^\x20-\x7e]|\\/.test(path))
          throw new Error(`${target} became ${path}`);
        parseConfigPath(path);
        fileRole(path);
      }
      const size = random.pick([0, 1, 5, 100_000]);
      const range = parseRange(random.pick(RANGES) + random.pick(['', '-', '7', ' ', ',']), size);
      if (range.kind === 'part' && !(range.start >= 0 && range.start <= range.end && range.end < size))
        throw new Error(`a part from ${range.start} to ${range.end} of ${size}`);
      const url = URL.parse(target, 'http://metadata');
      if (!url) continue;
      const answer = answerEnlistment(url.pathname, url.searchParams, SERVER);
      if (typeof answer.body !== 'string' || ![200, 400, 404].includes(answer.status))
        throw new Error(`${target} was answered with ${answer.status}`);
      heap.after(i);
    }
    expect(heap.grownBytes).toBeLessThan(GROWTH_BYTES);
  });

  test('through connections are answered or cut off', { timeout: 600_000 }, async () => {
    const random = seededRandom(FUZZ_SEED);
    const rig = await new BootHttpRig().start();
    const { server, clock } = rig;
    const heap = new HeapWatch(FUZZ_INPUTS);
    const statuses = new Set<string>();
    const clients: Client[] = [];
    const check = (client: Client) => {
      for (const [, status] of client.received.matchAll(/HTTP\/1\.1 (\d{3}) /g)) statuses.add(status ?? '');
      client.received = '';
    };
    const escaped = await escapedFrom(async () => {
      for (let i = 0; i < FUZZ_INPUTS; i++) {
        const at = random.int(0, 7);
        const known = clients[at];
        const client = known?.open ? known : rig.connect(random.int(0, 3) > 0);
        if (client !== known) {
          if (known) check(known);
          clients[at] = client;
        }
        const bytes = bytesOf(random);
        if (random.int(0, 9) > 0) client.send(bytes);
        else for (const part of bytes.match(/.{1,40}/gs) ?? []) client.send(part);
        const fate = random.int(0, 99);
        if (fate === 0) client.end();
        if (fate === 1) client.reset();
        if (fate < 30) client.take();
        if (i % 4 === 0) await turn();
        // Whole minutes now and then: who waits for nothing is cut off.
        if (i % 50 === 0) clock.advance(random.int(0, 9) === 0 ? 61_000 : 500);
        if (rig.openFiles > 8 || server.downloads().length > 8)
          throw new Error(`request ${i}: files stay open`);
        for (const path of rig.wanted.splice(0))
          if (path.split('/').includes('..')) throw new Error(`request ${i} asked for ${path}`);
        heap.after(i);
      }
      for (const client of clients) check(client);
      // All of them are silent from now on.
      for (let n = 0; n < 3; n++) {
        clock.advance(61_000);
        await turn();
      }
    });
    expect(escaped).toEqual([]);
    expect(heap.grownBytes).toBeLessThan(GROWTH_BYTES);
    expect([rig.openFiles, server.downloads(), clock.pending]).toEqual([0, [], 0]);
    expect(clients.filter(({ open }) => open)).toEqual([]);
    // Every corner was reached, and nothing failed within.
    for (const status of ['200', '206', '400', '404', '405', '416', '431'])
      expect(statuses).toContain(status);
    expect([...statuses].filter((status) => status >= '500')).toEqual([]);
    expect(server.counters.requests).toBeGreaterThan(FUZZ_INPUTS / 4);
    for (const name of ['done', 'missing', 'aborted', 'refused', 'tooSlow'] as const)
      expect(server.counters[name], name).toBeGreaterThan(0);

    const client = rig.connect();
    client.send(GET_KERNEL);
    const { done } = server.counters;
    for (let n = 0; n < 1000 && server.counters.done === done; n++) await turn();
    expect(server.counters.done).toBe(done + 1);
    expect(client.received).toMatch(/^HTTP\/1\.1 200 OK\r\n.*content-length: 100000\r\n/is);
    await server.dispose();
  });
});
