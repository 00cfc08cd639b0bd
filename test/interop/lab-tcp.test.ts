import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cidr, ipv4 } from '../../src-main/base/address.ts';
import { systemClock } from '../../src-main/base/clock.ts';
import { secureRandom, seededRandom } from '../../src-main/base/random.ts';
import type { Impairment } from '../../src-main/lab/faults/impaired-link.ts';
import { type LabSegment, openLabSegment } from '../../src-main/lab/host/lab-segment.ts';
import { type LabPort, LabSwitch } from '../../src-main/lab/switch/switch.ts';
import { type KernelHost, plugKernelHost } from '../support/kernel-host.ts';
import { describeWith } from '../support/requirements.ts';

const US = ipv4('10.77.0.1');
const LINUX = ipv4('10.77.0.9');
/** Each way: 2 % loss, 50 ms, frames overtaking each other. */
const BAD: Partial<Impairment> = { lossRate: 0.02, delayMs: 50, jitterMs: 1, reorderRate: 0.02 };

function noise(seed: number, length: number): Buffer {
  const random = seededRandom(seed);
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i + 4 <= length; i += 4) bytes.writeUInt32LE(random.u32(), i);
  return bytes;
}

const sha = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');

describeWith(
  "the lab's TCP against Linux's",
  { programs: ['ip', 'socat', 'curl', 'sha256sum'], root: true },
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'rackbox-lab-tcp-'));
    let lab: LabSwitch;
    let segment: LabSegment;
    let linux: KernelHost;
    let server: Server;
    let cable: LabPort;
    let body: Buffer = Buffer.alloc(0);
    let uploaded = '';

    beforeAll(async () => {
      lab = new LabSwitch({ clock: systemClock, random: secureRandom });
      segment = openLabSegment({
        fabric: lab,
        name: 'lab',
        cidr: cidr('10.77.0.0/24'),
        address: US,
        clock: systemClock,
        random: secureRandom,
        tcp: { linkProfile: () => ({ maxInFlightBytes: 64 << 10, dupThreshold: 1 }) },
      });
      server = createServer((request, response) => {
        if (request.method === 'GET') return void response.end(body);
        const hash = createHash('sha256');
        request.on('data', (part) => hash.update(part));
        request.on('end', () => {
          uploaded = hash.digest('hex');
          response.end(uploaded);
        });
      });
      await segment.tcp(80, (connection) => server.emit('connection', connection));
      linux = await plugKernelHost(lab, { address: '10.77.0.9/24' });
      const found = lab.ports().find((port) => port.name.startsWith('kernel'));
      if (!found) throw new Error('the kernel is not plugged in');
      cable = found;
    });

    afterAll(async () => {
      await linux?.dispose();
      segment?.dispose();
      server?.close();
      rmSync(folder, { recursive: true, force: true });
    });

    const paths: [string, Partial<Impairment> | null, number][] = [
      ['a clean cable', null, 30 << 20],
      ['2 % loss, 50 ms and reordering', BAD, 600_000],
    ];
    for (const [name, impairment, size] of paths) {
      it(`serves curl's downloads and uploads over ${name}`, async () => {
        lab.setImpairment(cable, impairment);
        body = noise(1, size);
        const file = join(folder, 'download');
        await linux.run('curl', '-sSf', '-m', '60', '-o', file, 'http://10.77.0.1/');
        expect((await linux.run('sha256sum', file)).stdout.split(' ')[0]).toBe(sha(body));
        await pipeline([noise(2, size)], createWriteStream(file));
        const args = ['-sSf', '-m', '60', '-T', file, 'http://10.77.0.1/'];
        expect((await linux.run('curl', ...args)).stdout).toBe(sha(noise(2, size)));
        expect(segment.tcpStack.counters.badChecksums).toBe(0);
      });

      it(`connects to Linux, and half-closes, over ${name}`, async () => {
        lab.setImpairment(cable, impairment);
        const file = join(folder, 'received');
        const data = noise(3, size);
        const answer = noise(4, size);
        await pipeline([answer], createWriteStream(join(folder, 'answer')));
        // The shell answers only once it has seen our FIN.
        const listener = linux.start(
          'socat',
          'TCP-LISTEN:7000,reuseaddr',
          `SYSTEM:cat > ${file}; cat ${join(folder, 'answer')}`,
        );
        await untilListening(linux, 7000);
        const connection = segment.tcpStack.connect(LINUX, 7000);
        connection.end(data);
        const hash = createHash('sha256');
        for await (const part of connection) hash.update(part as Buffer);
        expect(hash.digest('hex')).toBe(sha(answer));
        const received = createHash('sha256');
        await pipeline(createReadStream(file), received);
        expect(received.digest('hex')).toBe(sha(data));
        listener.kill();
      });
    }

    it('gets through a cut cable', async () => {
      lab.setImpairment(cable, null);
      body = noise(5, 20 << 20);
      const file = join(folder, 'cut');
      const { counters } = segment.tcpStack;
      const [sent, timeouts] = [counters.segmentsOut, counters.rtos];
      const download = linux.run('curl', '-sSf', '-m', '60', '-o', file, 'http://10.77.0.1/');
      await until('data flows', () => counters.segmentsOut > sent + 1000);
      lab.setImpairment(cable, { cut: true });
      await until('the sender notices', () => counters.rtos > timeouts + 1);
      lab.setImpairment(cable, null);
      await download;
      expect((await linux.run('sha256sum', file)).stdout.split(' ')[0]).toBe(sha(body));
    });

    it('tells curl of a closed port, and is told of one', async () => {
      await expect(linux.run('curl', '-sS', '-m', '5', 'http://10.77.0.1:81/')).rejects.toMatchObject({
        code: 7,
      });
      const connection = segment.tcpStack.connect(LINUX, 81);
      const error = await new Promise<NodeJS.ErrnoException>((resolve) => connection.on('error', resolve));
      expect(error.code).toBe('ECONNREFUSED');
    });

    it('serves many at once, and leaves nothing behind', async () => {
      body = noise(6, 200_000);
      const one = 'curl -sSf -m 30 http://10.77.0.1/ | sha256sum';
      const { stdout } = await linux.run('sh', '-c', `for i in $(seq 30); do (${one}) & done; wait`);
      expect(stdout.trim().split('\n')).toEqual(Array(30).fill(`${sha(body)}  -`));
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(segment.tcpStack.sizes.connections).toBe(0);
    });
  },
);

async function untilListening(linux: KernelHost, port: number): Promise<void> {
  await until(`port ${port} listens`, async () => {
    return (await linux.run('ss', '-Hltn', `sport = :${port}`)).stdout.trim() !== '';
  });
}

async function until(what: string, reached: () => boolean | Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 1000; attempt++) {
    if (await reached()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`in vain: ${what}`);
}
