import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { RecordingFabric } from '../../../test/support/recording-fabric.ts';
import { LENGTH_BYTES, writeStreamFrame } from './frame-stream.ts';
import { connectStreamCable } from './stream-cable.ts';

const FRAME = Uint8Array.from({ length: 60 }, (_, i) => i);

function encoded(frame: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(LENGTH_BYTES + frame.length);
  writeStreamFrame(bytes, 0, frame);
  return bytes;
}

function plugIn() {
  const fabric = new RecordingFabric();
  const [ours, device] = duplexPair();
  const cable = connectStreamCable(fabric, 'pc', ours);
  return { fabric, ours, device, cable };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a cable made of a stream', () => {
  it('carries frames both ways', async () => {
    const { fabric, device, cable } = plugIn();
    device.write(encoded(FRAME));
    fabric.broadcast(FRAME);
    const [bytes] = await once(device, 'data');
    expect(new Uint8Array(bytes)).toEqual(encoded(FRAME));
    await turn();
    expect(fabric.frames).toEqual([FRAME]);
    await cable.dispose();
  });

  it('sends what one turn brings in one write, and copies it', async () => {
    const { fabric, device, cable } = plugIn();
    const frame = FRAME.slice();
    fabric.broadcast(frame);
    fabric.broadcast(frame);
    frame.fill(0);
    const [bytes] = await once(device, 'data');
    expect(new Uint8Array(bytes)).toEqual(Uint8Array.from([...encoded(FRAME), ...encoded(FRAME)]));
    await cable.dispose();
  });

  it('drops and counts frames that a stopped device does not take', async () => {
    const { fabric, ours, cable } = plugIn();
    const large = new Uint8Array(60_000);
    for (let i = 0; i < 200; i++) {
      fabric.broadcast(large);
      await turn();
    }
    expect(cable.counters.overflow).toBeGreaterThan(100);
    expect(ours.writableLength).toBeLessThan(5 << 20);
    await cable.dispose();
  });

  it('is unplugged when the device goes, and when it talks nonsense', async () => {
    const gone = plugIn();
    gone.device.destroy();
    gone.ours.destroy();
    await turn();
    expect(gone.fabric.ports).toEqual([]);

    const mad = plugIn();
    mad.device.write(new Uint8Array(8).fill(255));
    await turn();
    await turn();
    expect(mad.cable.counters.garbage).toBe(1);
    expect(mad.fabric.ports).toEqual([]);
  });

  it('unplugs the port when disposed, twice too', async () => {
    const { fabric, cable, ours } = plugIn();
    await cable.dispose();
    await cable.dispose();
    expect(fabric.ports).toEqual([]);
    expect(ours.destroyed).toBe(true);
  });
});
