/**
 * Boot files over HTTP on loopback: our server and nginx, each a process of its own. A 64 MB file by curl; a small
 * one by wrk, where that is installed.
 *
 *     npm run bench boot-http               HTTP_BENCH_RUNS=10 npm run bench boot-http
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { missing } from '../support/requirements.ts';

const SIZE = 64 << 20;
const NGINX_PORT = 9380;
const runs = Number(process.env.HTTP_BENCH_RUNS ?? 5);
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'rackbox-http-bench-'));
process.env.PATH += ':/usr/sbin';

interface Server {
  readonly name: string;
  readonly url: string;
  stop(): Promise<unknown>;
}

const results: { server: string; mbps: number; oneMbps: number; requestsPerSecond: number | null }[] = [];
try {
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, 'squashfs'), Buffer.alloc(SIZE, 'rackbox'), { mode: 0o644 });
  writeFileSync(join(folder, 'small'), Buffer.alloc(600, 'rackbox'), { mode: 0o644 });
  const servers = [
    await startRackbox(),
    ...(missing({ programs: ['nginx'] }).length > 0 ? [] : [await startNginx()]),
  ];
  console.log(`64 MB, MB/s, best of ${runs}; 600 bytes, requests/s on 8 connections`);
  console.log('server        1 client   4 clients    requests/s');
  try {
    // In turn, so that the machine's other work meets both alike.
    const best = new Map(servers.map(({ name }) => [name, { one: 0, four: 0 }]));
    for (let i = 0; i < runs; i++)
      for (const { name, url } of servers) {
        const figures = best.get(name);
        if (!figures) continue;
        figures.one = Math.max(figures.one, await download(url, 1));
        figures.four = Math.max(figures.four, await download(url, 4));
      }
    for (const { name, url } of servers) {
      const { one, four } = best.get(name) ?? { one: 0, four: 0 };
      const requestsPerSecond = await smallFiles(url);
      results.push({ server: name, oneMbps: Math.round(one), mbps: Math.round(four), requestsPerSecond });
      const cells = [
        one.toFixed(0).padStart(10),
        four.toFixed(0).padStart(12),
        String(requestsPerSecond ?? '-').padStart(14),
      ];
      console.log(`${name.padEnd(12)}${cells.join('')}`);
    }
  } finally {
    for (const server of servers) await server.stop();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(JSON.stringify(results));

async function startRackbox(): Promise<Server> {
  const program = fileURLToPath(new URL('./boot-http/rackbox-server.ts', import.meta.url));
  const child = spawn(process.execPath, [program, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  return { name: 'Rackbox', url: `http://127.0.0.1:${Number(String(line))}`, stop: () => stop(child) };
}

async function startNginx(): Promise<Server> {
  const config = join(folder, 'nginx.conf');
  writeFileSync(
    config,
    `daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log /dev/null;
     events {}
     http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
       server { listen 127.0.0.1:${NGINX_PORT}; root ${folder}; } }`,
  );
  const child = spawn('nginx', ['-c', config, '-p', folder], { stdio: 'ignore' });
  await new Promise((resolve) => setTimeout(resolve, 500));
  return { name: 'nginx', url: `http://127.0.0.1:${NGINX_PORT}`, stop: () => stop(child) };
}

async function stop(child: ReturnType<typeof spawn>): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

/** MB/s of all clients together. */
async function download(url: string, clients: number): Promise<number> {
  const outputs = await Promise.all(
    Array.from({ length: clients }, () =>
      run('curl', ['-sSf', '-o', '/dev/null', '-w', '%{time_total} %{size_download}', `${url}/squashfs`]),
    ),
  );
  let slowest = 0;
  for (const { stdout } of outputs) {
    const [seconds = 0, bytes = 0] = stdout.split(' ').map(Number);
    if (bytes !== SIZE) throw new Error(`${bytes} of ${SIZE} bytes came`);
    slowest = Math.max(slowest, seconds);
  }
  return (clients * SIZE) / slowest / 1e6;
}

async function smallFiles(url: string): Promise<number | null> {
  if (missing({ programs: ['wrk'] }).length > 0) return null;
  const { stdout } = await run('wrk', ['-t1', '-c8', '-d3s', `${url}/small`]);
  return Math.round(Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? 0));
}
