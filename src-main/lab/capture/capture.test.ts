import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../base/clock.ts';
import { seededRandom } from '../../base/random.ts';
import { decodePcapRecord, isPcapHeader, PCAP_HEADER_BYTES } from '../../protocol/pcap.ts';
import { LabSwitch } from '../switch/switch.ts';
import { startCapture, watchFrames } from './capture.ts';
import { FrameRing } from './frame-ring.ts';

let folder: string;
let clock: ManualClock;
let fabric: LabSwitch;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'rackbox-capture-'));
  clock = new ManualClock();
  fabric = new LabSwitch({ clock, random: seededRandom(1) });
});
afterEach(() => rm(folder, { recursive: true }));

function frame(mark: number, length = 60): Uint8Array {
  const bytes = new Uint8Array(length).fill(mark);
  bytes.fill(0xff, 0, 6);
  bytes[6] = 2;
  return bytes;
}

async function records(file: string) {
  const bytes = await readFile(file);
  expect(isPcapHeader(bytes)).toBe(true);
  const found: { mark: number; wallMs: number }[] = [];
  let at = PCAP_HEADER_BYTES;
  for (let next = decodePcapRecord(bytes, at); next; next = decodePcapRecord(bytes, at)) {
    found.push({ mark: next.frame.at(-1) ?? -1, wallMs: next.wallMs });
    at = next.end;
  }
  expect(at).toBe(bytes.length);
  return found;
}

describe('startCapture', () => {
  it('records each frame of the switch once, with its time', async () => {
    const a = fabric.attach('a', () => {});
    fabric.attach('b', () => {});
    fabric.attach('c', () => {});
    const file = path.join(folder, 'all.pcap');
    const capture = await startCapture({ fabric, file, clock });
    a.transmit(frame(1));
    clock.advance(1.5);
    a.transmit(frame(2));
    await capture.dispose();
    a.transmit(frame(3));
    const start = Date.UTC(2026, 0, 1);
    expect(await records(file)).toEqual([
      { mark: 1, wallMs: start },
      { mark: 2, wallMs: start + 1.5 },
    ]);
    expect(capture.counters).toEqual({ frames: 2, dropped: 0 });
  });

  it('records one port, both ways', async () => {
    const [a, b, c] = ['a', 'b', 'c'].map((name) => fabric.attach(name, () => {}));
    const file = path.join(folder, 'b.pcap');
    const capture = await startCapture({ fabric, port: b!, file, clock });
    const toA = frame(4);
    a!.transmit(frame(1));
    b!.transmit(frame(2));
    toA.set([2, 1, 1, 1, 1, 1]);
    c!.transmit(toA);
    await capture.dispose();
    expect((await records(file)).map(({ mark }) => mark)).toEqual([1, 2]);
  });

  it('has everything seen so far after a flush, while it grows', async () => {
    const a = fabric.attach('a', () => {});
    const file = path.join(folder, 'live.pcap');
    const capture = await startCapture({ fabric, file, clock });
    expect(await records(file)).toEqual([]);
    for (let i = 1; i <= 300; i++) {
      a.transmit(frame(i % 250, 1514));
      if (i % 30 !== 0) continue;
      await capture.flush();
      expect(await records(file)).toHaveLength(i);
    }
    await capture.dispose();
    expect(await records(file)).toHaveLength(300);
  });

  it('says why a file can not be written', async () => {
    const file = path.join(folder, 'missing', 'x.pcap');
    await expect(startCapture({ fabric, file, clock })).rejects.toMatchObject({ code: 'CAPTURE_FAILED' });
  });
});

describe('FrameRing', () => {
  it('keeps the last frames, with numbers, ports and directions', () => {
    const a = fabric.attach('a', () => {});
    const watch = watchFrames({ fabric, clock, limits: { frames: 2, snapLength: 20 } });
    for (const mark of [1, 2, 3]) a.transmit(frame(mark));
    expect(watch.ring.since().map((f) => [f.number, f.bytes.at(-1), f.bytes.length, f.length])).toEqual([
      [2, 2, 20, 60],
      [3, 3, 20, 60],
    ]);
    expect(watch.ring.since(2)).toMatchObject([{ number: 3, portName: 'a', portId: a.id, direction: 'in' }]);
    void watch.dispose();
    a.transmit(frame(4));
    expect(watch.ring.count).toBe(3);
  });

  it('stays within its limits, whatever comes', () => {
    const lengths = fc.array(fc.nat(300), { maxLength: 100 });
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 20 }), (sizes, frames) => {
        const ring = new FrameRing({ frames, bytes: 1000, snapLength: 200 });
        for (const [i, size] of sizes.entries()) {
          ring.add({ wallMs: i, portId: 1, portName: 'a', direction: 'in' }, new Uint8Array(size));
          const kept = ring.since();
          expect(kept.length).toBeLessThanOrEqual(frames);
          expect(kept.reduce((sum, f) => sum + f.bytes.length, 0)).toBeLessThanOrEqual(1000);
          expect(kept.at(-1)?.number).toBe(i + 1);
          expect(ring.since(i)).toHaveLength(1);
        }
      }),
    );
  });
});
