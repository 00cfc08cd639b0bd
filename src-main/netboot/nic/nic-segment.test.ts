import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { cidr, formatIpv4, type Ipv4, ipv4 } from '../../base/address.ts';
import { ManualClock, systemClock } from '../../base/clock.ts';
import { systemRunner } from '../../base/process-runner.ts';
import { describeSegment, type SegmentPeer } from '../../base/segment.suite.ts';
import type { Datagram, UdpEndpoint } from '../../base/segment.ts';
import { bindError } from './bind-error.ts';
import { type NicSegment, openNicSegment } from './nic-segment.ts';
import { type NicCounters, openNicUdp } from './nic-udp.ts';

const OWN = ipv4('127.0.0.1');
const clock = new ManualClock();
const open: { dispose(): unknown }[] = [];
const keep = <T extends { dispose(): unknown }>(thing: T): T => {
  open.push(thing);
  return thing;
};
afterEach(async () => {
  for (const thing of open.splice(0)) await thing.dispose();
});

const openSegment = async (network = '127.0.0.0/8'): Promise<NicSegment> =>
  keep(
    await openNicSegment({ interface: 'lo', address: OWN, cidr: cidr(network), clock, runner: systemRunner }),
  );

const received = (endpoint: UdpEndpoint) =>
  new Promise<Datagram>((resolve) =>
    endpoint.onDatagram((datagram) => resolve({ ...datagram, data: new Uint8Array(datagram.data) })),
  );

/** Somebody else on the loopback network, at an address of their own. */
async function neighbour(address: string, port = 0) {
  const socket = createSocket('udp4');
  socket.bind(port, address);
  await once(socket, 'listening');
  keep({ dispose: () => socket.close() });
  return socket;
}

describe.runIf(process.platform === 'linux')('the segment of a real interface', () => {
  it('exchanges datagrams', async () => {
    const segment = await openSegment();
    const endpoint = keep(await segment.udp(0));
    const other = await neighbour('127.0.0.7');
    const arrival = received(endpoint);
    other.send('ping', endpoint.port, '127.0.0.1');
    const { data, from } = await arrival;
    expect(Buffer.from(data).toString()).toBe('ping');
    expect(from).toEqual({ address: ipv4('127.0.0.7'), port: other.address().port });
    endpoint.send(Buffer.from('pong'), from);
    const [answer, peer] = await once(other, 'message');
    expect(String(answer)).toBe('pong');
    expect([peer.address, peer.port]).toEqual(['127.0.0.1', endpoint.port]);
  });

  it('gives the bytes back to the sender at once', async () => {
    const endpoint = keep(await (await openSegment()).udp(0));
    const other = await neighbour('127.0.0.7');
    const data = Buffer.from('mine');
    endpoint.send(data, { address: ipv4('127.0.0.7'), port: other.address().port });
    data.fill(0);
    expect(String((await once(other, 'message'))[0])).toBe('mine');
  });

  it('counts and ignores who is neither of its network nor of a relay', async () => {
    const counters: NicCounters = { strangers: 0, sendErrors: 0 };
    const endpoint = keep(
      await openNicUdp({
        ...{ port: 0, address: OWN, cidr: cidr('127.0.0.0/24'), alsoFrom: [cidr('127.0.5.0/24')] },
        ...{ platform: 'linux', clock, counters, onClose: () => {} },
      }),
    );
    const heard: string[] = [];
    const all = new Promise<void>((resolve) =>
      endpoint.onDatagram(({ data }) => {
        if (heard.push(Buffer.from(data).toString()) === 2) resolve();
      }),
    );
    const senders = ['127.0.9.9', '127.0.5.1', '127.0.0.7'];
    for (const name of senders) {
      const socket = await neighbour(name);
      await new Promise((sent) => socket.send(name, endpoint.port, '127.0.0.1', sent));
    }
    await all;
    expect(heard).toEqual(senders.slice(1));
    expect(counters.strangers).toBe(1);
  });

  it('serves TCP connections and lets them go on when it stops listening', async () => {
    const segment = await openSegment();
    const port = await freeTcpPort(segment);
    const listening = await segment.tcp(port, (connection) => connection.pipe(connection));
    const client = connect(port, '127.0.0.1');
    keep({ dispose: () => client.destroy() });
    await once(client, 'connect');
    await listening.dispose();
    client.write('echo');
    expect(String((await once(client, 'data'))[0])).toBe('echo');
    segment.dispose();
    await once(client, 'close');
  });

  it('says which port is taken, and frees ports', async () => {
    const segment = await openSegment();
    const endpoint = await segment.udp(0);
    const { port } = endpoint;
    const taken = { code: 'PORT_IN_USE', message: `Port ${port}/udp on 127.0.0.1 (lo) is already in use.` };
    await expect(segment.udp(port)).rejects.toMatchObject(taken);
    await expect((await openSegment()).udp(port)).rejects.toMatchObject(taken);
    endpoint.dispose();
    endpoint.dispose();
    endpoint.send(Buffer.from('x'), { address: OWN, port });
    keep(await segment.udp(port));
  });

  it('refuses an address that the interface does not have', async () => {
    const options = { interface: 'lo', cidr: cidr('127.0.0.0/8'), clock, runner: systemRunner };
    const missing = { code: 'ADDRESS_MISSING' };
    await expect(openNicSegment({ ...options, address: ipv4('10.255.255.254') })).rejects.toMatchObject(
      missing,
    );
    await expect(openNicSegment({ ...options, interface: 'nope', address: OWN })).rejects.toMatchObject(
      missing,
    );
    const otherPrefix = { ...options, cidr: cidr('127.0.0.0/24'), address: OWN };
    await expect(openNicSegment(otherPrefix)).rejects.toMatchObject(missing);
  });
});

/** Another machine, made of the host's own sockets: all of 127.0.0.0/8 is on loopback. */
const PEER = ipv4('127.0.0.2');
const peer: SegmentPeer = {
  address: PEER,
  async udp(port) {
    const addresses = ['127.0.0.2', '255.255.255.255', '127.255.255.255'];
    const sockets: Socket[] = [];
    const arrived: { data: Uint8Array; from: { address: Ipv4; port: number } }[] = [];
    let wake: () => void = () => {};
    for (const address of addresses) {
      const socket = createSocket({ type: 'udp4', reuseAddr: true });
      socket.bind(sockets[0]?.address().port ?? port, address);
      await once(socket, 'listening');
      socket.on('message', (data, from) => {
        arrived.push({ data, from: { address: ipv4(from.address), port: from.port } });
        wake();
      });
      sockets.push(socket);
    }
    const [sender] = sockets as [Socket];
    sender.setBroadcast(true);
    return {
      port: sender.address().port,
      send: (data, to) => sender.send(data, to.port, formatIpv4(to.address)),
      async receive() {
        while (arrived.length === 0)
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        return arrived.shift()!;
      },
      dispose: () => {
        for (const socket of sockets) socket.close();
      },
    };
  },
  async connect(address, port) {
    const socket = connect({
      host: formatIpv4(address),
      port,
      localAddress: '127.0.0.2',
      allowHalfOpen: true,
    });
    await once(socket, 'connect');
    return socket;
  },
};

if (process.platform === 'linux')
  describeSegment('a NIC on Linux', {
    firstPort: 18_700,
    async open() {
      // Loopback has no ARP, so the kernel's table is stood in for; namespaces try the real one.
      const neighbours = `\n127.0.0.2 0x1 0x2 52:54:00:00:00:02 * lo\n`;
      const runner = { ...systemRunner, run: async () => ({ code: 0, stdout: '', stderr: '' }) };
      const segment = await openNicSegment({
        ...{ interface: 'lo', address: OWN, cidr: cidr('127.0.0.0/8'), clock: systemClock, runner },
        readNeighbours: async () => neighbours,
      });
      return { segment, peer, unusedAddress: ipv4('127.0.0.99'), dispose: () => segment.dispose() };
    },
  });

describe.runIf(process.platform === 'linux' && process.getuid?.() === 0)(
  "DHCP's ports of a real interface",
  () => {
    // An address of our own on loopback, so that nothing else on this machine has the port.
    const address = ipv4('127.0.77.1');
    const client = ipv4('127.0.77.9');

    async function dhcpPort() {
      const counters: NicCounters = { strangers: 0, sendErrors: 0 };
      const network = cidr('127.0.77.0/24');
      const options = {
        port: 67,
        address,
        cidr: network,
        alsoFrom: [],
        platform: 'linux',
        clock,
        counters,
      } as const;
      return keep(await openNicUdp({ ...options, onClose: () => {} }));
    }

    it('reaches by unicast only who has just spoken from their address', async () => {
      const [endpoint, socket] = [await dhcpPort(), await neighbour('127.0.77.9', 0)];
      const { port } = socket.address();
      const heard: string[] = [];
      socket.on('message', (data) => heard.push(String(data)));
      const mac = 0x525400000001 as never;
      const to = (target: Ipv4) => ({ address: target, port, mac });

      endpoint.send(Buffer.from('not yet'), to(client));
      const arrival = received(endpoint);
      socket.send('renew', 67, '127.0.77.1');
      await arrival;
      endpoint.send(Buffer.from('ack'), to(client));
      await once(socket, 'message');
      clock.advance(6000);
      endpoint.send(Buffer.from('too late'), to(client));
      endpoint.send(Buffer.from('end'), { address: client, port });
      await once(socket, 'message');
      expect(heard).toEqual(['ack', 'end']);
    });
  },
);

describe('errors of opening a port', () => {
  const door = { protocol: 'udp', port: 67, interface: 'br0', address: '10.77.0.1' } as const;
  const failing = (code: string) => Object.assign(new Error(`bind ${code}`), { code });

  it.each([
    ['EADDRINUSE', 'PORT_IN_USE'],
    ['EACCES', 'PORT_FORBIDDEN'],
    ['EPERM', 'PORT_FORBIDDEN'],
    ['EADDRNOTAVAIL', 'ADDRESS_MISSING'],
    ['EINVAL', 'BAD_ARGUMENT'],
  ])('%s becomes %s', (system, code) => {
    expect(bindError(failing(system), door, 'linux', '/usr/bin/node')).toMatchObject({ code });
  });

  it('says how to allow a privileged port', () => {
    const hint = (platform: NodeJS.Platform) =>
      (bindError(failing('EACCES'), door, platform, '/opt/rackbox/rackbox') as Error & { hint: string }).hint;
    expect(hint('linux')).toContain('setcap cap_net_bind_service=+ep /opt/rackbox/rackbox');
    expect(new Set((['linux', 'darwin', 'win32'] as const).map(hint)).size).toBe(3);
  });
});

async function freeTcpPort(segment: NicSegment): Promise<number> {
  const endpoint = await segment.udp(0);
  endpoint.dispose();
  return endpoint.port;
}
