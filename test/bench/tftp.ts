/**
 * TFTP throughput over loopback: our server and Debian's, each a process of its own, against the same client.
 *
 *     npm run bench tftp                    TFTP_BENCH_RUNS=5 TFTP_BENCH_ONLY=Rackbox npm run bench tftp
 */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CONTESTANTS, type RunningServer } from './tftp/peers.ts';

const SIZE = 64 << 20;
const runs = Number(process.env.TFTP_BENCH_RUNS ?? 3);
const only = process.env.TFTP_BENCH_ONLY ?? '';

interface Case {
  readonly name: string;
  readonly blockSize: number;
  readonly windowSize: number;
  readonly clients: number;
}
const CASES: readonly Case[] = [
  { name: '512', blockSize: 512, windowSize: 1, clients: 1 },
  { name: '1468', blockSize: 1468, windowSize: 1, clients: 1 },
  { name: '1428 ×4', blockSize: 1428, windowSize: 4, clients: 1 },
  { name: '1428 ×16', blockSize: 1428, windowSize: 16, clients: 1 },
  { name: '4 clients ×4', blockSize: 1428, windowSize: 4, clients: 4 },
];

interface ClientResult {
  readonly bytes: number;
  readonly seconds: number;
  readonly windowSize: number;
}

const client = fileURLToPath(new URL('./tftp/client.ts', import.meta.url));
const run = promisify(execFile);
const scratch = mkdtempSync(join(tmpdir(), 'rackbox-tftp-bench-'));
const folder = mkdtempSync(join(tmpdir(), 'rackbox-tftp-files-'));
const results: { server: string; case: string; mbps: number; windowRefused: boolean }[] = [];

try {
  // Some servers read as nobody.
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, 'image'), Buffer.alloc(SIZE, 'rackbox'), { mode: 0o644 });
  console.log(`64 MB, MB/s, best of ${runs}; (n) = the window was refused`);
  console.log(`${'server'.padEnd(12)}${CASES.map(({ name }) => name.padStart(14)).join('')}`);
  for (const contestant of CONTESTANTS) {
    if (!contestant.name.includes(only)) continue;
    const server = await contestant.start(folder, scratch);
    if (!server) console.log(`${contestant.name.padEnd(12)}not to be had here`);
    else await measureAll(contestant.name, server);
  }
} finally {
  for (const path of [scratch, folder]) rmSync(path, { recursive: true, force: true });
}
console.log(JSON.stringify(results));

async function measureAll(name: string, server: RunningServer): Promise<void> {
  const cells: string[] = [];
  try {
    for (const one of CASES) {
      let best = 0;
      let windowRefused = false;
      for (let i = 0; i < runs; i++) {
        const { mbps, windowSize } = await measure(server, one);
        best = Math.max(best, mbps);
        windowRefused = windowSize < one.windowSize;
      }
      results.push({ server: name, case: one.name, mbps: Math.round(best * 10) / 10, windowRefused });
      const text = best.toFixed(1);
      cells.push((windowRefused ? `(${text})` : text).padStart(14));
    }
  } catch (error) {
    cells.push(`  failed: ${error instanceof Error ? error.message.split('\n')[0] : error}`);
  } finally {
    const ended = once(server.process, 'exit');
    server.process.kill('SIGTERM');
    await ended;
  }
  console.log(`${name.padEnd(12)}${cells.join('')}`);
}

/** All clients' bytes over the slowest one's time. */
async function measure(server: RunningServer, { blockSize, windowSize, clients }: Case) {
  const args = [client, server.host, String(server.port), 'image', String(blockSize), String(windowSize)];
  const outputs = await Promise.all(
    Array.from({ length: clients }, async (): Promise<ClientResult> => {
      const { stdout } = await run(process.execPath, args, { timeout: 120_000 });
      return JSON.parse(stdout);
    }),
  );
  for (const { bytes } of outputs) if (bytes !== SIZE) throw new Error(`${bytes} of ${SIZE} bytes came`);
  const seconds = Math.max(...outputs.map((output) => output.seconds));
  return { mbps: (clients * SIZE) / seconds / 1e6, windowSize: outputs[0]?.windowSize ?? 1 };
}
