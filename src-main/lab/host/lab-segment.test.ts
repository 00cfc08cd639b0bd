import { once } from 'node:events';
import { createServer, get } from 'node:http';
import { describe, expect, it } from 'vitest';
import { cidr, type Ipv4, ipv4 } from '../../base/address.ts';
import { systemClock } from '../../base/clock.ts';
import { secureRandom } from '../../base/random.ts';
import { describeSegment, type PeerSocket, type SegmentPeer } from '../../base/segment.suite.ts';
import type { Datagram, UdpEndpoint } from '../../base/segment.ts';
import { LabSwitch } from '../switch/switch.ts';
import { type LabSegment, openLabSegment } from './lab-segment.ts';

const NETWORK = cidr('10.77.0.0/24');
const fresh = () => {
  const fabric = new LabSwitch({ clock: systemClock, random: secureRandom });
  const open = (name: string, address: string): LabSegment =>
    openLabSegment({
      fabric,
      name,
      cidr: NETWORK,
      address: ipv4(address),
      clock: systemClock,
      random: secureRandom,
    });
  return { fabric, controller: open('lab', '10.77.0.1'), machine: open('machine', '10.77.0.2') };
};

describeSegment('LabSegment', {
  async open() {
    const { controller, machine } = fresh();
    return {
      segment: controller,
      peer: peerOn(machine),
      unusedAddress: ipv4('10.77.0.99'),
      dispose() {
        machine.dispose();
        controller.dispose();
      },
    };
  },
});

describe('LabSegment', () => {
  it("serves Node's http", async () => {
    const { controller, machine } = fresh();
    const server = createServer((request, response) => response.end(`you asked for ${request.url}`));
    await controller.tcp(80, (connection) => void server.emit('connection', connection));
    const request = get({
      path: '/boot',
      createConnection: () => machine.tcpStack.connect(controller.address, 80),
    });
    const [response] = await once(request, 'response');
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe('you asked for /boot');
    server.close();
    machine.dispose();
    controller.dispose();
  });

  it('leaves the switch empty when disposed, and the connections of the others closed', async () => {
    const { fabric, controller, machine } = fresh();
    await controller.tcp(80, () => {});
    const connection = machine.tcpStack.connect(controller.address, 80);
    await once(connection, 'connect');
    controller.dispose();
    const [error] = await once(connection, 'error');
    expect(error).toMatchObject({ code: 'ECONNRESET' });
    machine.dispose();
    expect(fabric.ports()).toEqual([]);
  });
});

function peerOn(machine: LabSegment): SegmentPeer {
  return {
    address: machine.address,
    async udp(port) {
      return queued(await machine.udp(port));
    },
    async connect(address: Ipv4, port: number) {
      const connection = machine.tcpStack.connect(address, port);
      await once(connection, 'connect');
      return connection;
    },
  };
}

function queued(endpoint: UdpEndpoint): PeerSocket {
  const arrived: Datagram[] = [];
  const waiting: ((datagram: Datagram) => void)[] = [];
  endpoint.onDatagram(({ data, from }) => {
    const { address, port } = from;
    const copy = { data: Uint8Array.from(data), from: { address, port } };
    const next = waiting.shift();
    if (next) next(copy);
    else arrived.push(copy);
  });
  return {
    port: endpoint.port,
    send: (data, to) => endpoint.send(data, to),
    receive() {
      const first = arrived.shift();
      return first ? Promise.resolve(first) : new Promise((resolve) => waiting.push(resolve));
    },
    dispose: () => endpoint.dispose(),
  };
}
