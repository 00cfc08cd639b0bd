import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IN_FLIGHT, LOST, SACKED, Scoreboard, type SentSegment } from './scoreboard.ts';

function board(count = 0) {
  const delivered: number[] = [];
  const made = new Scoreboard({ delivered: (segment) => void delivered.push(segment.start) });
  for (let i = 0; i < count; i++) made.push(i * 100, (i + 1) * 100, i);
  return { board: made, delivered };
}

const states = (scoreboard: Scoreboard) =>
  Array.from({ length: scoreboard.size }, (_, i) => scoreboard.at(i).state);

describe('the scoreboard', () => {
  it('tells of each segment once when it arrives, by ACK or SACK', () => {
    const { board: b, delivered } = board(5);
    b.sack(200, 400, 9);
    b.sack(200, 400, 9);
    b.acknowledge(450, 9);
    expect(delivered).toEqual([200, 300, 0, 100]);
    expect([b.size, b.at(0).start, b.pipe]).toEqual([1, 450, 50]);
  });

  it('counts a segment only when all of it is reported', () => {
    const { board: b } = board(3);
    b.sack(50, 250, 9);
    expect(states(b)).toEqual([IN_FLIGHT, SACKED, IN_FLIGHT]);
  });

  it('lets a peer take back what it reported, once the timer expires', () => {
    const { board: b } = board(3);
    b.sack(0, 200, 9);
    b.markAllLost();
    expect(states(b)).toEqual([LOST, LOST, LOST]);
    const other = board(3).board;
    other.sack(100, 200, 9);
    other.markAllLost();
    expect(states(other)).toEqual([LOST, SACKED, LOST]);
  });

  it('keeps its sums right through any sequence of events', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const { board: b } = board();
        const ends = { una: 0, next: 0 };
        for (const one of steps) {
          apply(b, ends, one);
          check(b, ends.una, ends.next);
        }
      }),
    );
  });
});

type Step = [
  kind: 'push' | 'acknowledge' | 'sack' | 'lose' | 'resend' | 'timeout',
  size: number,
  place: number,
];
const step: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom<Step[0]>(
    'push',
    'push',
    'push',
    'acknowledge',
    'sack',
    'sack',
    'lose',
    'resend',
    'timeout',
  ),
  fc.integer({ min: 1, max: 500 }),
  fc.nat(3000),
);

function apply(b: Scoreboard, ends: { una: number; next: number }, [kind, size, place]: Step): void {
  const lost = b.firstLost();
  if (kind === 'push') {
    b.push(ends.next, ends.next + size, 0);
    ends.next += size;
  } else if (kind === 'acknowledge') {
    ends.una = Math.min(ends.next, ends.una + size);
    b.acknowledge(ends.una, 0);
  } else if (kind === 'sack') b.sack(ends.una + place, ends.una + place + size, 0);
  else if (kind === 'lose' && b.size > 0) b.markLost(b.at(place % b.size));
  else if (kind === 'resend' && lost) b.markResent(lost, 0);
  else if (kind === 'timeout') b.markAllLost();
}

function check(b: Scoreboard, una: number, next: number): void {
  const all: SentSegment[] = Array.from({ length: b.size }, (_, i) => b.at(i));
  const of = (state: number) => all.filter((segment) => segment.state === state);
  expect(b.pipe).toBe(of(IN_FLIGHT).reduce((sum, { start, end }) => sum + end - start, 0));
  expect([b.sacked, b.lost]).toEqual([of(SACKED).length, of(LOST).length]);
  expect(b.firstLost()).toBe(of(LOST)[0] ?? null);
  let at = una;
  for (const { start, end } of all) {
    expect(start).toBe(at);
    at = end;
  }
  expect(at).toBe(next);
}
