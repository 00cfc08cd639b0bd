import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { BROADCAST_IPV4, cidr, ipv4 } from '../../src-main/base/address.ts';
import { systemClock } from '../../src-main/base/clock.ts';
import { secureRandom } from '../../src-main/base/random.ts';
import { startCapture } from '../../src-main/lab/capture/capture.ts';
import { openLabSegment } from '../../src-main/lab/host/lab-segment.ts';
import { LabSwitch } from '../../src-main/lab/switch/switch.ts';
import { describeWith } from '../support/requirements.ts';
import { packetCount, suspiciousPackets } from '../support/tshark.ts';

describeWith('captures and tshark', { programs: ['tshark'] }, () => {
  it('are read whole while they grow and after, without one packet that looks wrong', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'rackbox-tshark-'));
    const file = path.join(folder, 'lab.pcap');
    const fabric = new LabSwitch({ clock: systemClock, random: secureRandom });
    const capture = await startCapture({ fabric, file, clock: systemClock });
    const open = (name: string, address: string) =>
      openLabSegment({
        fabric,
        name,
        cidr: cidr('10.77.0.0/24'),
        address: ipv4(address),
        clock: systemClock,
        random: secureRandom,
      });
    const [a, b] = [open('a', '10.77.0.1'), open('b', '10.77.0.2')];

    expect(await a.host.ping(b.address, 1000)).toBe(true);
    await a.probe(ipv4('10.77.0.3'), 30);
    const socket = await a.udp(40_001);
    for (const size of [0, 1, 512, 1473, 20_000])
      socket.send(new Uint8Array(size), { address: b.address, port: 40_002 });
    socket.send(Buffer.from('all'), { address: BROADCAST_IPV4, port: 40_002 });

    await capture.flush();
    const early = await packetCount(file);
    expect(early).toBeGreaterThan(20);
    expect(early).toBe(capture.counters.frames);

    await a.tcp(40_003, (connection) => {
      connection.end(Buffer.alloc(1 << 20));
      connection.resume();
    });
    const connection = b.tcpStack.connect(a.address, 40_003);
    let bytes = 0;
    connection.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    connection.end();
    await once(connection, 'close');
    expect(bytes).toBe(1 << 20);

    a.dispose();
    b.dispose();
    await capture.dispose();
    expect(await packetCount(file)).toBe(capture.counters.frames);
    expect(capture.counters.frames).toBeGreaterThan(early);
    expect(await suspiciousPackets(file)).toEqual([]);
    await rm(folder, { recursive: true });
  });
});
