import { createHash, randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cidr, formatIpv4, ipv4 } from '../../src-main/base/address.ts';
import { systemClock } from '../../src-main/base/clock.ts';
import { secureRandom } from '../../src-main/base/random.ts';
import { type LabSegment, openLabSegment } from '../../src-main/lab/host/lab-segment.ts';
import { type Outside, systemOutside } from '../../src-main/lab/host/nat/outside.ts';
import { LabSwitch } from '../../src-main/lab/switch/switch.ts';
import { type KernelHost, plugKernelHost } from '../support/kernel-host.ts';
import { describeWith } from '../support/requirements.ts';

/** Stands for the world; its services run on this computer's loopback. */
const WORLD = '198.51.100.7';
const LOOPBACK = ipv4('127.0.0.1');

describeWith('Linux behind the NAT', { programs: ['ip', 'socat', 'curl'], root: true }, () => {
  const body = randomBytes(8 << 20);
  const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
  const outside: Outside = {
    ...systemOutside,
    connect: (_address, port) => systemOutside.connect(LOOPBACK, port),
    udp: (_address, port, onData, onError) => systemOutside.udp(LOOPBACK, port, onData, onError),
  };
  let segment: LabSegment;
  let kernel: KernelHost;
  let http: Server;
  let echo: Socket;
  let httpPort: number;
  let echoPort: number;

  beforeAll(async () => {
    const fabric = new LabSwitch({ clock: systemClock, random: secureRandom });
    segment = openLabSegment({
      fabric,
      name: 'lab',
      cidr: cidr('10.77.0.0/24'),
      address: ipv4('10.77.0.1'),
      clock: systemClock,
      random: secureRandom,
    });
    segment.startNat({ outside });
    kernel = await plugKernelHost(fabric, { address: '10.77.0.9/24', gateway: '10.77.0.1' });
    http = createServer(async (request, response) => {
      if (request.method === 'GET') return void response.end(body);
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      response.end(digest(Buffer.concat(chunks)));
    }).listen(0, '127.0.0.1');
    await once(http, 'listening');
    httpPort = (http.address() as AddressInfo).port;
    echo = createSocket('udp4');
    echo.on('message', (data, from) => echo.send(`echo ${data}`, from.port, from.address));
    echo.bind(0, '127.0.0.1');
    await once(echo, 'listening');
    echoPort = echo.address().port;
  });

  afterAll(async () => {
    segment?.dispose();
    await kernel?.dispose();
    http?.close();
    echo?.close();
  });

  const sha256 = (script: string) =>
    kernel.run('sh', '-c', script).then(({ stdout }) => stdout.split(' ')[0]?.trim());

  it('downloads and uploads', async () => {
    const url = `http://${WORLD}:${httpPort}/`;
    expect(await sha256(`curl -sS --fail -m 30 ${url} | sha256sum`)).toBe(digest(body));
    const upload = `curl -sS --fail -m 30 ${url} | curl -sS --fail -m 30 --data-binary @- -H Expect: ${url}`;
    expect(await sha256(upload)).toBe(digest(body));
  });

  it('asks and hears by UDP', async () => {
    const child = kernel.start('socat', '-t', '1', '-', `UDP4:${WORLD}:${echoPort}`);
    child.stdin?.end('hello');
    const [answer] = await once(child.stdout!, 'data');
    expect(String(answer)).toBe('echo hello');
  });

  it('is told at once what it can not have', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as AddressInfo;
    closed.close();
    await once(closed, 'close');
    const started = systemClock.now();
    await expect(kernel.run('curl', '-sS', '-m', '20', `http://${WORLD}:${port}/`)).rejects.toThrow(/reset/i);
    const own = systemOutside
      .addresses()
      .map(formatIpv4)
      .find((address) => !address.startsWith('127.'));
    for (const address of ['169.254.169.254', ...(own === undefined ? [] : [own])])
      await expect(kernel.run('curl', '-sS', '-m', '20', `http://${address}:${httpPort}/`)).rejects.toThrow(
        /connect/,
      );
    expect(systemClock.now() - started).toBeLessThan(10_000);
  });
});
