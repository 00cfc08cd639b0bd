import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ipv4, mac } from '../../base/address.ts';
import { BOOT_PHASES, type BootEvent } from '../../base/boot-event.ts';
import { advance, BOOT_EXPECTATIONS, explain, newProgress } from './boot-progress.ts';

const MAC = mac('52:54:00:00:00:01');
const event = (
  phase: BootEvent['phase'],
  step: string,
  at: number,
  detail: BootEvent['detail'] = {},
): BootEvent => ({
  at,
  mac: MAC,
  ip: ipv4('10.77.0.100'),
  phase,
  step,
  detail,
});
const progressAfter = (...events: BootEvent[]) => events.reduce(advance, newProgress(MAC));

describe('boot progress', () => {
  test('a whole boot climbs the phases in order and ends booted', () => {
    const steps = BOOT_PHASES.map((phase, i) => event(phase, BOOT_EXPECTATIONS[phase].done[0]!, 1000 + i));
    const progress = progressAfter(...steps);
    expect(progress.phases.map((entry) => entry.phase)).toEqual([...BOOT_PHASES]);
    expect(progress.phases.every((entry) => entry.endedAt !== null)).toBe(true);
    expect(progress).toMatchObject({ booted: true, ip: '10.77.0.100', problem: null, poweredAt: 1000 });
    expect(explain(progress)).toBeNull();
  });

  test('says what is missing when nothing comes after a phase', () => {
    expect(explain(newProgress(MAC))).toBe('is switched off');
    expect(explain(progressAfter(event('power', 'on', 0)))).toContain('has not asked for an address');
    const stuck = progressAfter(
      event('power', 'on', 0),
      event('dhcp', 'ack', 1),
      event('kernel', 'done', 2),
      event('initrd', 'done', 3),
    );
    expect(explain(stuck)).toContain('too little memory');
  });

  test('a problem is told in words, and forgotten once its phase succeeds', () => {
    const missing = progressAfter(
      event('power', 'on', 0),
      event('loader', 'missing', 1, { file: 'lpxelinux.0' }),
    );
    expect(explain(missing)).toBe('asked for lpxelinux.0, which does not exist');
    expect(explain(advance(missing, event('loader', 'done', 2)))).toContain(
      'has not asked for its configuration',
    );
  });

  test('power-on starts over', () => {
    const again = advance(
      progressAfter(event('power', 'on', 0), event('userdata', 'done', 9)),
      event('power', 'on', 20),
    );
    expect(again).toMatchObject({ booted: false, poweredAt: 20 });
    expect(again.phases).toHaveLength(1);
  });

  test('any sequence of events keeps the phases in order, each once', () => {
    const anyEvent = fc.record({
      phase: fc.constantFrom(...BOOT_PHASES),
      step: fc.string(),
      at: fc.nat(),
      detail: fc.constant({}),
    });
    fc.assert(
      fc.property(fc.array(anyEvent), (events) => {
        const phases = events
          .reduce(advance, newProgress(MAC))
          .phases.map((entry) => BOOT_PHASES.indexOf(entry.phase));
        expect(phases).toEqual([...new Set(phases)].sort((a, b) => a - b));
      }),
    );
  });
});
