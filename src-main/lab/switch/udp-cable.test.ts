import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { Disposables } from '../../base/disposable.ts';
import { hasCode } from '../../base/errors.ts';
import type { Fabric } from './port.ts';
import { connectUdpCable } from './udp-cable.ts';

const cleanup: Disposables[] = [];
afterEach(async () => {
  for (const item of cleanup.splice(0)) await item.dispose();
});

function fabric() {
  const frames: string[] = [];
  let deliver: (frame: Uint8Array) => void = () => {};
  let waiting: (() => void) | null = null;
  const value: Fabric = {
    attach(name, toDevice) {
      deliver = toDevice;
      return {
        name,
        transmit(frame) {
          frames.push(Buffer.from(frame).toString('hex'));
          waiting?.();
        },
        dispose() {},
      };
    },
  };
  const received = () => new Promise<void>((resolve) => (waiting = resolve));
  return { value, frames, received, deliver: (frame: Uint8Array) => deliver(frame) };
}

async function device() {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const stack = new Disposables();
  stack.defer(() => new Promise<void>((resolve) => socket.close(() => resolve())));
  cleanup.push(stack);
  return { socket, port: socket.address().port };
}

test('carries one frame a datagram, both ways, and learns the device from its first datagram', async () => {
  const lab = fabric();
  const cable = await connectUdpCable(lab.value, 'pc1');
  const pc = await device();
  expect(cable.remotePort).toBeNull();

  const arrived = lab.received();
  pc.socket.send(Buffer.from('aabbcc', 'hex'), cable.localPort, '127.0.0.1');
  await arrived;
  expect(lab.frames).toEqual(['aabbcc']);
  expect(cable.remotePort).toBe(pc.port);

  const message = once(pc.socket, 'message');
  lab.deliver(Buffer.from('ddeeff', 'hex'));
  expect((await message)[0].toString('hex')).toBe('ddeeff');
  await cable.dispose();
  await cable.dispose();
});

test('counts and ignores a stranger', async () => {
  const lab = fabric();
  const [pc, stranger] = [await device(), await device()];
  const cable = await connectUdpCable(lab.value, 'pc1', { remotePort: pc.port });
  stranger.socket.send(Buffer.from('00', 'hex'), cable.localPort, '127.0.0.1');
  await new Promise<void>((resolve) =>
    stranger.socket.send(Buffer.from('00', 'hex'), cable.localPort, '127.0.0.1', () => resolve()),
  );
  const arrived = lab.received();
  pc.socket.send(Buffer.from('01', 'hex'), cable.localPort, '127.0.0.1');
  await arrived;
  expect(lab.frames).toEqual(['01']);
  expect(cable.counters.strangers).toBe(2);
  await cable.dispose();
});

test('says which port is taken', async () => {
  const first = await connectUdpCable(fabric().value, 'a');
  const attempt = connectUdpCable(fabric().value, 'b', { localPort: first.localPort });
  await expect(attempt).rejects.toSatisfy((error) => hasCode(error, 'PORT_IN_USE'));
  await first.dispose();
});
