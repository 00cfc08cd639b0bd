import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, expect, it } from 'vitest';
import { leaseBookSuite } from '../../netboot/dhcp/lease-book.suite.ts';
import { openStore, type Store } from '../../store/store.ts';
import { openLeaseBook } from './lease-book.ts';

const folder = mkdtempSync(join(tmpdir(), 'rackbox-leases-'));
let files = 0;
let file = '';
let store: Store | null = null;

async function open() {
  await store?.dispose();
  store = await openStore(file);
  return openLeaseBook(store);
}
afterEach(async () => {
  await store?.dispose();
  store = null;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

leaseBookSuite(
  'SQLite',
  async () => {
    file = join(folder, `${++files}.db`);
    return open();
  },
  open,
);

/** Puts leases for ever, a few per turn, and says which are durable. */
const WRITER = `
  const [storeUrl, bookUrl, file] = process.argv.slice(1);
  const { openStore } = await import(storeUrl);
  const { openLeaseBook } = await import(bookUrl);
  const book = openLeaseBook(await openStore(file));
  for (let n = 0; ; n += 5)
    await Promise.all([0, 1, 2, 3, 4].map((i) =>
      book.put({ address: n + i, mac: n + i, state: 'bound', expiresAt: n, hostname: '' })
        .then(() => process.stdout.write(n + i + '\\n'))));
`;

it('has every lease that it said was saved, after being killed in the middle', async () => {
  file = join(folder, 'killed.db');
  const url = (path: string) => new URL(path, import.meta.url).href;
  const child = spawn(
    process.execPath,
    ['--input-type=module', '-e', WRITER, url('../../store/store.ts'), url('./lease-book.ts'), file],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const saved: number[] = [];
  const lines = createInterface(child.stdout);
  lines.on('line', (line) => {
    saved.push(Number(line));
    if (saved.length === 500) child.kill('SIGKILL');
  });
  await once(lines, 'close');
  expect(saved.length).toBeGreaterThanOrEqual(500);
  const kept = new Set((await open()).all().map(({ address }): number => address));
  expect(saved.filter((address) => !kept.has(address))).toEqual([]);
}, 20_000);
