/**
 * The lab's TCP against Linux's, HTTP both ways, lossless and with loss; beside it QEMU's own user-mode network
 * (slirp) in front of Node's sockets. Needs root, QEMU and curl.
 *
 *     npm run bench lab-tcp                 LAB_TCP_MB=300 LAB_TCP_RUNS=5 npm run bench lab-tcp
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cidr, ipv4 } from '../../src-main/base/address.ts';
import { systemClock } from '../../src-main/base/clock.ts';
import { secureRandom, seededRandom } from '../../src-main/base/random.ts';
import { openLabSegment } from '../../src-main/lab/host/lab-segment.ts';
import { LabSwitch } from '../../src-main/lab/switch/switch.ts';
import { missing } from '../support/requirements.ts';
import { type Cabling, plugLinuxPeer } from './lab-tcp/linux-peer.ts';

const BYTES = Number(process.env.LAB_TCP_MB ?? 150) << 20;
const RUNS = Number(process.env.LAB_TCP_RUNS ?? 3);
const ONLY = process.env.LAB_TCP_ONLY ?? '';
const CASES: readonly { cabling: Cabling; lossRate: number }[] = [
  { cabling: 'stream', lossRate: 0 },
  { cabling: 'stream', lossRate: 0.005 },
  { cabling: 'dgram', lossRate: 0 },
  { cabling: 'dgram', lossRate: 0.005 },
  { cabling: 'slirp', lossRate: 0 },
];

interface Result {
  readonly cabling: Cabling;
  readonly lossRate: number;
  readonly download: number;
  readonly upload: number;
  /** Of this process, servers and switch included, milliseconds per megabyte. */
  readonly downloadCpu: number;
  readonly uploadCpu: number;
  readonly retransmits: number;
  readonly rtos: number;
}

const chunk = Buffer.alloc(256 << 10, 'rackbox');
const serve: RequestListener = (request, response) => {
  if (request.method !== 'GET') return void request.on('end', () => response.end()).resume();
  let left = BYTES;
  const more = () => {
    while (left > 0) {
      const part = chunk.subarray(0, Math.min(left, chunk.length));
      left -= part.length;
      if (!response.write(part)) return void response.once('drain', more);
    }
    response.end();
  };
  response.setHeader('content-length', BYTES);
  more();
};

const absent = missing({ programs: ['qemu-system-x86_64', 'curl', 'ip'], root: true });
if (absent.length > 0) {
  console.log(`lab-tcp needs ${absent.join(', ')}`);
  process.exit(1);
}
const folder = mkdtempSync(join(tmpdir(), 'rackbox-lab-tcp-'));
const blob = join(folder, 'blob');
writeFileSync(blob, Buffer.alloc(BYTES, 'upload'));
const results: Result[] = [];
try {
  console.log(`${BYTES >> 20} MB by HTTP to and from a Linux kernel, MB/s, best of ${RUNS}`);
  console.log('cable     loss   download   upload   CPU ms/MB down    up   retransmits   timeouts');
  for (const one of CASES) {
    if (!`${one.cabling} ${one.lossRate}`.includes(ONLY)) continue;
    const result = await measure(one);
    results.push(result);
    const cells = [
      result.cabling.padEnd(8),
      `${result.lossRate * 100} %`.padStart(5),
      result.download.toFixed(1).padStart(10),
      result.upload.toFixed(1).padStart(8),
      result.downloadCpu.toFixed(2).padStart(16),
      result.uploadCpu.toFixed(2).padStart(5),
      String(result.retransmits).padStart(13),
      String(result.rtos).padStart(10),
    ];
    console.log(cells.join(' '));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(JSON.stringify(results));

async function measure({ cabling, lossRate }: (typeof CASES)[number]): Promise<Result> {
  const lab = new LabSwitch({ clock: systemClock, random: seededRandom(1) });
  const segment = openLabSegment({
    fabric: lab,
    name: 'lab',
    cidr: cidr('10.0.2.0/24'),
    address: ipv4('10.0.2.2'),
    clock: systemClock,
    random: secureRandom,
    tcp: {
      linkProfile: () =>
        cabling === 'dgram' ? { maxInFlightBytes: 64 << 10, dupThreshold: 1 } : { dupThreshold: 1 },
    },
  });
  const server = createServer(serve);
  server.requestTimeout = 0;
  let port = 80;
  if (cabling === 'slirp') {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    port = (server.address() as AddressInfo).port;
  } else await segment.tcp(80, (connection) => server.emit('connection', connection));
  const peer = await plugLinuxPeer(lab, cabling, '10.0.2.15/24');
  try {
    if (lossRate > 0)
      for (const plug of lab.ports()) if (plug.name === 'linux') lab.setImpairment(plug, { lossRate });
    const curl = async (...args: string[]) => {
      let best = 0;
      const before = process.cpuUsage();
      for (let i = 0; i < RUNS; i++) {
        const [bytesPerSecond] = (
          await peer.run('curl', '-sS', '-o', '/dev/null', ...args, `http://10.0.2.2:${port}/`)
        ).split(' ');
        best = Math.max(best, Number(bytesPerSecond) / 1e6);
      }
      const { user, system } = process.cpuUsage(before);
      return [Math.round(best * 10) / 10, Math.round((user + system) / (RUNS * BYTES * 1e-5)) / 100] as const;
    };
    const [download, downloadCpu] = await curl('-w', '%{speed_download}');
    const [upload, uploadCpu] = await curl(
      '-w',
      '%{speed_upload}',
      '-X',
      'PUT',
      '-H',
      'Expect:',
      '--data-binary',
      `@${blob}`,
    );
    const { retransmits, rtos } = segment.tcpStack.counters;
    return { cabling, lossRate, download, upload, downloadCpu, uploadCpu, retransmits, rtos };
  } finally {
    await peer.dispose();
    segment.dispose();
    server.close();
    server.closeAllConnections();
  }
}
