import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Mac, mac, writeMac } from '../../base/address.ts';
import { ManualClock } from '../../base/clock.ts';
import { seededRandom } from '../../base/random.ts';
import { type LabPort, LabSwitch } from './switch.ts';

const A = mac('52:54:00:00:00:0a');
const B = mac('52:54:00:00:00:0b');
const C = mac('52:54:00:00:00:0c');
const ALL = mac('ff:ff:ff:ff:ff:ff');

function frame(to: Mac, from: Mac, mark = 0, length = 60): Uint8Array {
  const bytes = new Uint8Array(length);
  writeMac(bytes, 0, to);
  writeMac(bytes, 6, from);
  bytes[14] = mark;
  return bytes;
}

interface Station {
  port: LabPort;
  marks: number[];
}

function setUp(seed = 1) {
  const clock = new ManualClock();
  const labSwitch = new LabSwitch({ clock, random: seededRandom(seed) });
  const station = (name: string): Station => {
    const marks: number[] = [];
    return { marks, port: labSwitch.attach(name, (f) => void marks.push(f[14] ?? -1)) };
  };
  return { clock, labSwitch, a: station('a'), b: station('b'), c: station('c') };
}

describe('LabSwitch', () => {
  it('floods broadcasts and unknown addresses, but never back', () => {
    const { a, b, c } = setUp();
    a.port.transmit(frame(ALL, A, 1));
    a.port.transmit(frame(B, A, 2));
    expect([a.marks, b.marks, c.marks]).toEqual([[], [1, 2], [1, 2]]);
  });

  it('learns where an address is, and that it moved', () => {
    const { a, b, c } = setUp();
    b.port.transmit(frame(ALL, B, 1));
    a.port.transmit(frame(B, A, 2));
    expect(c.marks).toEqual([1]);
    c.port.transmit(frame(ALL, B, 3));
    a.port.transmit(frame(B, A, 4));
    expect(b.marks).toEqual([2, 3]);
    expect(c.marks).toEqual([1, 4]);
  });

  it('does not send a frame to the port that it came from', () => {
    const { a, b } = setUp();
    a.port.transmit(frame(ALL, B, 1));
    a.port.transmit(frame(B, A, 2));
    expect([a.marks, b.marks]).toEqual([[], [1]]);
  });

  it('forgets an address after five minutes of silence', () => {
    const { clock, labSwitch, a, b, c } = setUp();
    b.port.transmit(frame(ALL, B));
    clock.advance(300_001);
    expect(labSwitch.addresses()).toEqual([]);
    a.port.transmit(frame(B, A, 7));
    expect(c.marks).toContain(7);
  });

  it('unplugs: no more frames, address forgotten, sending does nothing', () => {
    const { labSwitch, a, b, c } = setUp();
    b.port.transmit(frame(ALL, B, 1));
    b.port.dispose();
    b.port.dispose();
    a.port.transmit(frame(B, A, 2));
    b.port.transmit(frame(ALL, B, 3));
    expect(labSwitch.ports().map((p) => p.name)).toEqual(['a', 'c']);
    expect([a.marks, b.marks, c.marks]).toEqual([[1], [], [1, 2]]);
  });

  it('counts frames, bytes and why frames were dropped', () => {
    const { a, b } = setUp();
    a.port.transmit(frame(ALL, A, 0, 100));
    a.port.transmit(new Uint8Array(13));
    a.port.transmit(frame(B, A, 0, 9019));
    a.port.transmit(frame(B, ALL));
    expect(a.port.counters).toMatchObject({ framesIn: 1, bytesIn: 100, framesOut: 0 });
    expect(a.port.counters.dropped).toMatchObject({ runt: 1, oversize: 1, badSource: 1 });
    expect(b.port.counters).toMatchObject({ framesOut: 1, bytesOut: 100 });
  });

  it('delivers a broadcast to all before the answer that one of them sends at once', () => {
    const { labSwitch, a, c } = setUp();
    const echo = labSwitch.attach('echo', (f) => {
      if (f[14] === 1) {
        const reply = frame(ALL, C, 2);
        echo.transmit(reply);
        reply.fill(0xee);
      }
    });
    const late: number[] = [];
    labSwitch.attach('late', (f) => void late.push(f[14] ?? -1));
    a.port.transmit(frame(ALL, A, 1));
    expect([a.marks, c.marks, late]).toEqual([[2], [1, 2], [1, 2]]);
  });

  it('lets two devices that answer each other for ever have turns only', () => {
    const { clock, labSwitch } = setUp();
    let seen = 0;
    const reflector = (own: Mac, other: Mac): LabPort => {
      const port = labSwitch.attach('reflector', (f) => {
        seen++;
        if (f[14] === 9) port.transmit(frame(other, own, 9));
      });
      return port;
    };
    const first = reflector(A, B);
    reflector(B, A);
    first.transmit(frame(B, A, 9));
    const perTurn = seen;
    expect(perTurn).toBeLessThan(5000);
    clock.advance(1);
    first.dispose();
    expect(seen).toBeGreaterThan(perTurn);
  });

  it('keeps frames from a failing device off nobody else', async () => {
    const { labSwitch, a, c } = setUp();
    const seen: unknown[] = [];
    const handlers = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.once('uncaughtException', (error) => seen.push(error));
    labSwitch.attach('bad', () => {
      throw new Error('broken device');
    });
    const last: number[] = [];
    labSwitch.attach('last', (f) => void last.push(f[14] ?? -1));
    a.port.transmit(frame(ALL, A, 5));
    await new Promise((resolve) => setImmediate(resolve));
    for (const handler of handlers) process.on('uncaughtException', handler);
    expect([c.marks, last, seen.length]).toEqual([[5], [5], 1]);
  });

  it('tells what is known of the cable to an address, unless somebody makes it reorder', () => {
    const { labSwitch } = setUp();
    const port = labSwitch.attach('loopback', () => {}, { maxInFlightBytes: 65536, dupThreshold: 1 });
    expect(labSwitch.traitsOf(C)).toEqual({});
    port.transmit(frame(ALL, C));
    expect(labSwitch.traitsOf(C)).toEqual({ maxInFlightBytes: 65536, dupThreshold: 1 });
    labSwitch.setImpairment(port, { reorderRate: 0.1 }, 'out');
    expect(labSwitch.traitsOf(C)).toEqual({ maxInFlightBytes: 65536 });
  });

  it('shows frames to taps, each once when only ingress is asked for', () => {
    const { labSwitch, a, b } = setUp();
    const ingress: string[] = [];
    const atB: string[] = [];
    const tap = labSwitch.tap((f, port) => ingress.push(`${port.name}${f[14]}`), { direction: 'in' });
    labSwitch.tap((f, port, direction) => atB.push(`${port.name}${f[14]}${direction}`), { port: b.port });
    a.port.transmit(frame(ALL, A, 1));
    b.port.transmit(frame(A, B, 2));
    tap.dispose();
    a.port.transmit(frame(B, A, 3));
    expect(ingress).toEqual(['a1', 'b2']);
    expect(atB).toEqual(['b1out', 'b2in', 'b3out']);
  });

  it('delivers every well-formed frame to exactly the ports that a naive switch would', () => {
    const step = fc.record({ port: fc.nat(2), to: fc.nat(4), from: fc.nat(3) });
    const addresses = [A, B, C, mac('52:54:00:00:00:0d'), ALL];
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { a, b, c } = setUp();
        const stations = [a, b, c];
        const where = new Map<Mac, number>();
        const expected: number[][] = [[], [], []];
        steps.forEach(({ port, to, from }, i) => {
          stations[port]!.port.transmit(frame(addresses[to]!, addresses[from]!, i));
          where.set(addresses[from]!, port);
          const known = where.get(addresses[to]!);
          for (const p of [0, 1, 2]) if (p !== port && (known ?? p) === p) expected[p]!.push(i);
        });
        expect(stations.map((s) => s.marks)).toEqual(expected);
      }),
    );
  });
});

describe('impairments', () => {
  const send = (port: LabPort, count: number) => {
    for (let i = 0; i < count; i++) port.transmit(frame(ALL, A, i % 250));
  };

  it('cuts and mends a cable, one way or both', () => {
    const { labSwitch, a, b, c } = setUp();
    labSwitch.setImpairment(b.port, { cut: true }, 'out');
    a.port.transmit(frame(ALL, A, 1));
    b.port.transmit(frame(ALL, B, 2));
    labSwitch.setImpairment(b.port, null);
    a.port.transmit(frame(ALL, A, 3));
    expect([a.marks, b.marks, c.marks]).toEqual([[2], [3], [1, 2, 3]]);
    expect(b.port.counters.dropped.cut).toBe(1);
  });

  it('loses about the rate asked for, the same frames for the same seed', () => {
    const run = (seed: number) => {
      const { labSwitch, a, b } = setUp(seed);
      labSwitch.setImpairment(b.port, { lossRate: 0.1 }, 'out');
      send(a.port, 2000);
      return b.marks;
    };
    expect(run(1).length).toBeGreaterThan(1700);
    expect(run(1).length).toBeLessThan(1900);
    expect(run(1)).toEqual(run(1));
    expect(run(2)).not.toEqual(run(1));
  });

  it('delays copies, in order, and leaves no timer behind when unplugged', () => {
    const { clock, labSwitch, a, b } = setUp();
    labSwitch.setImpairment(b.port, { delayMs: 50, jitterMs: 20 }, 'out');
    const reused = frame(ALL, A, 0);
    for (let i = 0; i < 20; i++) {
      reused[14] = i;
      a.port.transmit(reused);
      clock.advance(1);
    }
    expect(b.marks).toEqual([]);
    clock.advance(80);
    expect(b.marks).toEqual(Array.from({ length: 20 }, (_, i) => i));
    send(a.port, 3);
    b.port.dispose();
    expect(clock.pending).toBe(0);
  });

  it('duplicates', () => {
    const { labSwitch, a, b } = setUp();
    labSwitch.setImpairment(a.port, { duplicateRate: 1 }, 'in');
    send(a.port, 2);
    expect(b.marks).toEqual([0, 0, 1, 1]);
  });

  it('reorders a little, and lets the last frame go without a follower', () => {
    const { clock, labSwitch, a, b } = setUp();
    labSwitch.setImpairment(b.port, { reorderRate: 0.2 }, 'out');
    send(a.port, 200);
    clock.advance(5);
    expect([...b.marks].sort((x, y) => x - y)).toEqual(Array.from({ length: 200 }, (_, i) => i));
    const furthest = Math.max(...b.marks.map((mark, i) => Math.abs(mark - i)));
    expect(furthest).toBeGreaterThan(0);
    expect(furthest).toBeLessThan(8);
    expect(clock.pending).toBe(0);
  });

  it('reports what is set', () => {
    const { labSwitch, a } = setUp();
    labSwitch.setImpairment(a.port, { lossRate: 0.5 }, 'in');
    expect(a.port.impairment.in.lossRate).toBe(0.5);
    expect(a.port.impairment.out.lossRate).toBe(0);
  });
});
