import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { cidr, formatMac, ipv4, mac } from '../../src-main/base/address.ts';
import { systemClock } from '../../src-main/base/clock.ts';
import { seededRandom } from '../../src-main/base/random.ts';
import type { Datagram, UdpEndpoint } from '../../src-main/base/segment.ts';
import { startCapture } from '../../src-main/lab/capture/capture.ts';
import { type LabSegment, openLabSegment } from '../../src-main/lab/host/lab-segment.ts';
import { type LabPort, LabSwitch } from '../../src-main/lab/switch/switch.ts';
import { type KernelHost, plugKernelHost } from '../support/kernel-host.ts';
import { describeWith } from '../support/requirements.ts';
import { suspiciousPackets } from '../support/tshark.ts';

const OURS = '10.77.0.1';
const KERNEL = '10.77.0.9';
const MAC = mac('52:54:00:77:00:01');

describeWith(
  "the lab's IP host and Linux",
  { programs: ['ip', 'socat', 'ping', 'busybox', 'tshark'], root: true },
  () => {
    const clock = systemClock;
    const fabric = new LabSwitch({ clock, random: seededRandom(77) });
    let segment: LabSegment;
    let kernel: KernelHost;
    let kernelPort: LabPort;
    let folder: string;
    let capture: Awaited<ReturnType<typeof startCapture>>;
    const endpoints: UdpEndpoint[] = [];

    beforeAll(async () => {
      folder = await mkdtemp(path.join(tmpdir(), 'rackbox-lab-host-'));
      capture = await startCapture({ fabric, file: path.join(folder, 'all.pcap'), clock });
      segment = openLabSegment({
        fabric,
        name: 'lab',
        cidr: cidr('10.77.0.0/24'),
        address: ipv4(OURS),
        mac: MAC,
        clock,
        random: seededRandom(78),
      });
      kernel = await plugKernelHost(fabric, { address: `${KERNEL}/24` });
      kernelPort = fabric.ports().find((port) => port.name.startsWith('kernel'))!;
    });

    afterEach(async () => {
      fabric.setImpairment(kernelPort, null);
      for (const endpoint of endpoints.splice(0)) await endpoint.dispose();
    });

    afterAll(async () => {
      segment?.dispose();
      await kernel?.dispose();
      await capture?.dispose();
      if (folder) await rm(folder, { recursive: true });
    });

    const open = async (port: number): Promise<UdpEndpoint> => {
      const endpoint = await segment.udp(port);
      endpoints.push(endpoint);
      return endpoint;
    };
    /** What one socat call inside Linux prints when it is given `input`. */
    const socat = async (input: string | Buffer, address: string): Promise<Buffer> => {
      const child = kernel.start('socat', '-b', '65536', '-t', '0.5', '-', address);
      const out: Buffer[] = [];
      child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
      child.stderr?.on('data', (chunk: Buffer) => out.push(chunk));
      child.stdin?.end(input);
      await once(child, 'close');
      return Buffer.concat(out);
    };
    const nextDatagram = (endpoint: UdpEndpoint) =>
      new Promise<{ data: Buffer; from: Datagram['from'] }>((resolve) => {
        endpoint.onDatagram(({ data, from }) => resolve({ data: Buffer.from(data), from: { ...from } }));
      });
    const neighbours = async () => (await kernel.run('ip', 'neigh', 'show')).stdout;

    it('are found by ARP, both ways', async () => {
      const { stdout } = await kernel.run('ping', '-c', '1', '-W', '2', OURS);
      expect(stdout).toContain('1 received');
      expect(await neighbours()).toContain(`${OURS} dev ${kernel.interface} lladdr ${formatMac(MAC)}`);
      await expect(segment.probe(ipv4(KERNEL), 500)).resolves.toBe(true);
      await expect(segment.probe(ipv4('10.77.0.99'), 200)).resolves.toBe(false);
      expect(formatMac(segment.host.arp.find(ipv4(KERNEL))!)).toBe(kernel.mac);
    });

    it('Linux sees that the address is taken, and hears the announcement', async () => {
      const taken = ['arping', '-D', '-I', kernel.interface, '-c', '2', '-w', '2', OURS];
      await expect(kernel.run('busybox', ...taken)).rejects.toMatchObject({ code: 1 });
      const free = ['arping', '-D', '-I', kernel.interface, '-c', '1', '-w', '1', '10.77.0.98'];
      await kernel.run('busybox', ...free);
    });

    it('answer echo requests both ways, fragmented ones too', async () => {
      for (const size of ['0', '56', '1472', '1473', '4000', '60000']) {
        const { stdout } = await kernel.run('ping', '-c', '2', '-i', '0.01', '-W', '2', '-s', size, OURS);
        expect(stdout, `${size} bytes`).toContain('2 received');
      }
      await expect(segment.host.ping(ipv4(KERNEL), 1000)).resolves.toBe(true);
    });

    it('carry a datagram from Linux to us and back, up to 60 kB', async () => {
      const echo = await open(7);
      echo.onDatagram(({ data, from }) => echo.send(data, from));
      for (const size of [1, 1472, 1473, 9000, 60_000]) {
        const data = Buffer.alloc(size, `${size} `);
        expect((await socat(data, `UDP4:${OURS}:7`)).equals(data), `${size} bytes`).toBe(true);
      }
    });

    it('carry a datagram from us to Linux and back', async () => {
      const server = kernel.start('socat', '-b', '65536', 'UDP4-RECVFROM:7007,fork', 'EXEC:cat');
      const client = await open(0);
      // socat says nothing when it listens, so the question is repeated until it is answered.
      for (const size of [10, 1472, 9000]) {
        const data = Buffer.alloc(size, `${size} `);
        const ask = () => client.send(data, { address: ipv4(KERNEL), port: 7007 });
        const answered = new Promise<Datagram['from']>((resolve) => {
          client.onDatagram((answer) => {
            if (data.equals(answer.data)) resolve({ ...answer.from });
          });
        });
        ask();
        const again = setInterval(ask, 100);
        expect(await answered).toMatchObject({ address: ipv4(KERNEL), port: 7007 });
        clearInterval(again);
      }
      server.kill();
    });

    it('Linux is told that a port is closed, and tells us', async () => {
      const child = kernel.start('socat', '-u', '-', `UDP4:${OURS}:4444`);
      let said = '';
      child.stderr?.on('data', (chunk) => {
        said += chunk;
      });
      child.stdin?.write('one');
      await once(kernel.start('sleep', '0.2'), 'close');
      child.stdin?.end('two');
      await once(child, 'close');
      expect(said).toContain('Connection refused');
    });

    it('hear broadcasts of Linux, and Linux hears ours', async () => {
      const server = await open(6767);
      for (const to of ['255.255.255.255', '10.77.0.255']) {
        const arrived = nextDatagram(server);
        await socat(
          'anybody?',
          `UDP4-DATAGRAM:${to}:6767,broadcast,so-bindtodevice=${kernel.interface},sourceport=6868`,
        );
        expect((await arrived).data.toString()).toBe('anybody?');
      }
      const listener = kernel.start('socat', '-u', 'UDP4-RECV:6868', '-');
      const heard = once(listener.stdout!, 'data');
      const say = setInterval(
        () => server.send(Buffer.from('here'), { address: ipv4('255.255.255.255'), port: 6868 }),
        50,
      );
      expect(String((await heard)[0])).toContain('here');
      clearInterval(say);
      listener.kill();
    });

    it('feel an impaired cable as Linux measures it', async () => {
      fabric.setImpairment(kernelPort, { lossRate: 0.02, delayMs: 50 });
      const { stdout } = await kernel.run('ping', '-c', '200', '-i', '0.01', '-W', '1', '-q', OURS);
      const received = Number(/(\d+) received/.exec(stdout)?.[1]);
      const [, least, average] = /= ([\d.]+)\/([\d.]+)\//.exec(stdout)!.map(Number);
      expect(received).toBeGreaterThan(170);
      expect(received).toBeLessThan(200);
      expect(least).toBeGreaterThanOrEqual(99);
      expect(average).toBeLessThan(160);
    });

    it('see duplicated and reordered frames as Linux counts them', async () => {
      fabric.setImpairment(kernelPort, { duplicateRate: 0.3 }, 'out');
      const { stdout } = await kernel.run('ping', '-c', '50', '-i', '0.01', '-W', '1', '-q', OURS);
      expect(Number(/\+(\d+) duplicates/.exec(stdout)?.[1])).toBeGreaterThan(3);
    });

    it('lose each other when the cable is cut, and find each other when it is mended', async () => {
      fabric.setImpairment(kernelPort, { cut: true });
      await expect(kernel.run('ping', '-c', '2', '-i', '0.1', '-W', '1', OURS)).rejects.toThrow();
      await expect(segment.host.ping(ipv4(KERNEL), 200)).resolves.toBe(false);
      fabric.setImpairment(kernelPort, null);
      await kernel.run('ping', '-c', '1', '-W', '2', OURS);
    });

    it('wrote nothing that tshark finds wrong', async () => {
      await capture.dispose();
      expect(capture.counters.frames).toBeGreaterThan(500);
      expect(await suspiciousPackets(capture.file)).toEqual([]);
    });
  },
);
