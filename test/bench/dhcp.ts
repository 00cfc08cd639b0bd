/**
 * Full DHCP exchanges per second: ISC's perfdhcp over a pair of virtual Ethernet cards, our server and Debian's in
 * turn, each in the same namespace. The rate rises until more than 2.5 % get no answer. Needs root.
 *
 *     npm run bench dhcp                    DHCP_BENCH_SECONDS=3 DHCP_BENCH_ONLY=Rackbox npm run bench dhcp
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { missing } from '../support/requirements.ts';
import { CONTESTANTS, type Contestant, NETWORK } from './dhcp/peers.ts';
import { isClean, type LoadResult, runLoad } from './dhcp/perfdhcp.ts';

const seconds = Number(process.env.DHCP_BENCH_SECONDS ?? 8);
const only = process.env.DHCP_BENCH_ONLY ?? '';
const MAX_RATE = 40_000;

const lacking = missing({ programs: ['ip', 'perfdhcp'], root: true });
if (lacking.length > 0) {
  console.log(`This benchmark needs ${lacking.join(', ')}.`);
  process.exit(1);
}

const folder = mkdtempSync(join(tmpdir(), 'rackbox-bench-'));
const [serverSide, clientSide] = [`rbs${process.pid}`, `rbc${process.pid}`];
const ip = (...args: string[]) => execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'ignore'] });
const inside = (namespace: string, ...args: string[]) => ip('netns', 'exec', namespace, ...args);

const results: (LoadResult & { server: string; clean: boolean })[] = [];
try {
  layCable();
  console.log('server                      offered/s  completed/s   drops DO / RA    mean ms DO / RA');
  for (const contestant of CONTESTANTS) {
    if (!contestant.name.includes(only)) continue;
    if (missing({ programs: [contestant.program] }).length > 0)
      console.log(`${contestant.name}: not installed`);
    else
      await measure(contestant).catch((error: Error) => console.log(`${contestant.name}: ${error.message}`));
  }
} finally {
  for (const namespace of [serverSide, clientSide])
    try {
      ip('netns', 'del', namespace);
    } catch {
      // It was never made.
    }
  rmSync(folder, { recursive: true, force: true });
}
console.log(JSON.stringify(results));

function layCable(): void {
  ip('netns', 'add', serverSide);
  ip('netns', 'add', clientSide);
  ip(
    'link',
    'add',
    serverSide,
    'netns',
    serverSide,
    'type',
    'veth',
    'peer',
    'name',
    clientSide,
    'netns',
    clientSide,
  );
  for (const [namespace, address] of [
    [serverSide, NETWORK.server],
    [clientSide, NETWORK.client],
  ] as const) {
    inside(namespace, 'ip', 'addr', 'add', `${address}/16`, 'dev', namespace);
    inside(namespace, 'ip', 'link', 'set', namespace, 'up');
    inside(namespace, 'ip', 'link', 'set', 'lo', 'up');
  }
}

/** Each rate gets a fresh server with no leases. */
async function measure(contestant: Contestant): Promise<void> {
  for (let rate = contestant.startRate; rate <= MAX_RATE; rate = Math.round((rate * 1.4) / 50) * 50) {
    const result = await once(contestant, rate);
    const clean = isClean(result);
    results.push({ server: contestant.name, clean, ...result });
    const { offered, completed, discoverDrops, requestDrops, discoverMs, requestMs } = result;
    console.log(
      [
        contestant.name.padEnd(26),
        String(offered).padStart(10),
        String(Math.round(completed)).padStart(12),
        `${discoverDrops.toFixed(1)} / ${requestDrops.toFixed(1)} %`.padStart(17),
        `${discoverMs.toFixed(2)} / ${requestMs.toFixed(2)}`.padStart(18),
        clean ? '' : '  over 2.5 %',
      ].join(' '),
    );
    if (!clean) return;
  }
}

async function once(contestant: Contestant, rate: number): Promise<LoadResult> {
  const own = join(folder, `${results.length}`);
  mkdirSync(own);
  const [command = '', ...args] = contestant.prepare(own, serverSide);
  const server = spawn('ip', ['netns', 'exec', serverSide, command, ...args], {
    stdio: ['ignore', 'ignore', process.env.DHCP_BENCH_DEBUG ? 'inherit' : 'ignore'],
    env: { ...process.env, ...contestant.environment?.(own) },
  });
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  try {
    await untilServing();
    return await runLoad(clientSide, clientSide, NETWORK.server, rate, seconds);
  } finally {
    server.kill('SIGTERM');
    const timer = setTimeout(() => server.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(timer);
  }
}

/** A server serves when something has bound port 67 in its namespace. */
async function untilServing(): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const sockets = inside(serverSide, 'ss', '-Hlnu', 'sport = :67').toString();
    if (sockets.trim() !== '') return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the server did not start');
}
