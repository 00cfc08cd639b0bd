import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReceiveQueue } from './receive-queue.ts';
import type { Ne2000 } from './v86-internals.ts';

const PAGES = { start: 76, stop: 128 };

/** The receiving half of an NE2000 with the driver's habit of keeping the boundary one page behind. */
class Nic implements Ne2000 {
  mac = new Uint8Array(6);
  memory = new Uint8Array(32768);
  cr = 0x22;
  pstart = PAGES.start;
  pstop = PAGES.stop;
  curpg = PAGES.start + 1;
  boundary = PAGES.start;
  readonly ring: Uint8Array[] = [];
  readonly got: Uint8Array[] = [];
  overruns = 0;
  onReceive = () => {};

  do_interrupt(): void {}

  receive(frame: Uint8Array): void {
    const pages = pagesOf(frame);
    if (this.free < pages) this.overruns++;
    this.ring.push(frame);
    this.curpg = this.wrap(this.curpg + pages);
    this.onReceive();
  }

  /** What the guest's driver does with the oldest frame. */
  read(): void {
    const frame = this.ring.shift();
    if (!frame) return;
    this.boundary = this.wrap(this.boundary + pagesOf(frame));
    this.got.push(frame);
  }

  get free(): number {
    const used = (this.curpg - this.boundary + PAGES.stop - PAGES.start) % (PAGES.stop - PAGES.start);
    return PAGES.stop - PAGES.start - used;
  }

  wrap(page: number): number {
    return page >= PAGES.stop ? page - PAGES.stop + PAGES.start : page;
  }
}

const pagesOf = (frame: Uint8Array) => 1 + ((Math.max(60, frame.length) + 4) >> 8);
const numbered = (length: number, number: number) => new Uint8Array(length).fill(number);

describe('ReceiveQueue', () => {
  it('hands over what fits and keeps the rest until there is room', () => {
    const nic = new Nic();
    const queue = new ReceiveQueue(nic);
    for (let i = 0; i < 20; i++) queue.push(numbered(1514, i));
    expect(nic.ring.length).toBe(8);
    expect(queue.length).toBe(12);
    nic.read();
    queue.drain();
    expect(nic.ring.length).toBe(8);
    expect(queue.length).toBe(11);
  });

  it('neither loses, reorders nor overruns, whatever the sizes and the pace of the guest', () => {
    const step = fc.oneof(
      fc.record({ push: fc.integer({ min: 14, max: 1514 }) }),
      fc.record({ read: fc.integer({ min: 1, max: 12 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const nic = new Nic();
        const queue = new ReceiveQueue(nic);
        let sent = 0;
        for (const each of steps) {
          if ('push' in each) queue.push(numbered(each.push, sent++ & 255));
          else
            for (let i = 0; i < each.read; i++) {
              nic.read();
              queue.drain();
            }
        }
        while (nic.ring.length > 0) {
          nic.read();
          queue.drain();
        }
        expect(nic.got.map((frame) => frame[0])).toEqual(Array.from({ length: sent }, (_, i) => i & 255));
        expect([nic.overruns, queue.dropped, queue.length]).toEqual([0, 0, 0]);
      }),
    );
  });

  it('drops and counts what comes when it is full', () => {
    const nic = new Nic();
    const queue = new ReceiveQueue(nic);
    for (let i = 0; i < 300; i++) queue.push(numbered(1514, i & 255));
    expect(queue.length).toBe(256);
    expect(queue.dropped).toBe(300 - 256 - 8);
  });

  it('hears nothing while the NIC is stopped', () => {
    const nic = new Nic();
    nic.cr = 0x21;
    const queue = new ReceiveQueue(nic);
    queue.push(numbered(60, 1));
    nic.cr = 0x22;
    queue.drain();
    expect(queue.length).toBe(0);
    expect(nic.ring).toEqual([]);
  });

  it('delivers in order when the guest reads during a delivery', () => {
    const nic = new Nic();
    const queue = new ReceiveQueue(nic);
    nic.onReceive = () => {
      nic.read();
      queue.drain();
    };
    for (let i = 0; i < 30; i++) queue.push(numbered(1514, i));
    expect(nic.got.map((frame) => frame[0])).toEqual(Array.from({ length: 30 }, (_, i) => i));
  });
});
