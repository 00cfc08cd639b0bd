import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { ipv4 } from '../../src-main/base/address.ts';
import type { BootPhase } from '../../src-main/base/boot-event.ts';
import { systemClock } from '../../src-main/base/clock.ts';
import { seededRandom } from '../../src-main/base/random.ts';
import { explain } from '../../src-main/domain/events/boot-progress.ts';
import { openLabSegment } from '../../src-main/lab/host/lab-segment.ts';
import { findOtherDhcpServers } from '../../src-main/netboot/dhcp/find-servers.ts';
import { startDhcpServer } from '../../src-main/netboot/dhcp/server.ts';
import { startTestLab, type TestLab } from '../support/test-lab.ts';

/** Fast, but not instant: firmware waits and tries again as the real one does, only sooner. */
const TIME_SCALE = 0.05;

const labs: TestLab[] = [];
async function labWith(...args: Parameters<typeof startTestLab>) {
  const lab = await startTestLab(...args);
  labs.push(lab);
  return lab;
}
afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.dispose();
});

function cable(lab: TestLab, name: string, cut: boolean): void {
  const port = lab.fabric.ports().find((candidate) => candidate.name.startsWith(name));
  if (!port) throw new Error(`no port of ${name}`);
  lab.fabric.setImpairment(port, cut ? { cut: true } : null);
}

describe('a cable cut in the middle of a boot', () => {
  const CUTS: [BootPhase, 'bios' | 'uefi-pxe' | 'uefi-http', RegExp][] = [
    ['power', 'bios', /has not asked for an address/],
    ['dhcp', 'bios', /has not asked for a boot loader/],
    ['loader', 'uefi-pxe', /./],
    ['loader', 'uefi-http', /./],
    ['config', 'bios', /./],
    ['config', 'uefi-pxe', /./],
    ['kernel', 'bios', /./],
    ['kernel', 'uefi-pxe', /./],
    ['initrd', 'bios', /./],
    ['preseed', 'bios', /has not asked for its user-data/],
  ];
  test.for(
    CUTS,
  )('after the first sign of %s (%s): it says where it stands, and once mended it gets there', async ([
    phase,
    firmware,
    says,
  ]) => {
    const lab = await labWith();
    await lab.add({ kind: 'simulated', name: 'pc', firmware, timeScale: TIME_SCALE });
    const seen = lab.event((event) => event.phase === phase);
    await lab.service.power('pc', 'on');
    await seen;
    cable(lab, 'pc', true);
    const stuck = explain(await lab.progress('pc', () => true));
    expect(stuck).toMatch(says);
    // What is already on its way may still arrive; what needs the cable cannot.
    await new Promise((resolve) => systemClock.after(300, () => resolve(null)));
    expect(lab.service.pc('pc')?.boot.booted).toBe(false);
    cable(lab, 'pc', false);
    await lab.progress('pc', (progress) => progress.booted);
  });
});

describe('what stands in the way of a boot', () => {
  test('a full pool: the one that gets no address is told so, and gets one when it is free', async () => {
    const only = ipv4('10.77.0.100');
    const lab = await labWith({ network: { pool: { first: only, last: only } } });
    await lab.add({ kind: 'simulated', name: 'first', timeScale: 0 });
    await lab.add({ kind: 'simulated', name: 'second', timeScale: TIME_SCALE });
    await lab.service.power('first', 'on');
    await lab.progress('first', (progress) => progress.booted);
    await lab.service.power('second', 'on');
    const full = await lab.progress('second', (progress) => progress.problem !== null);
    expect(explain(full)).toBe('got no address: every address of the pool is taken');
    expect(lab.services.dhcp.counters.dropped['pool-exhausted']).toBeGreaterThan(0);
  });

  test('a missing loader: the phase names the file', async () => {
    const empty = await mkdtemp(join(tmpdir(), 'rackbox-empty-'));
    const lab = await labWith({ installation: { firmware: empty } });
    await lab.add({ kind: 'simulated', name: 'pc', firmware: 'uefi-pxe', timeScale: TIME_SCALE });
    await lab.service.power('pc', 'on');
    const stuck = await lab.progress('pc', (progress) => progress.problem !== null);
    expect(explain(stuck)).toBe('asked for bootx64.efi, which does not exist');
    await rm(empty, { recursive: true });
  });

  test('a second DHCP server on the segment is found, and a PC that takes its offer is told of', async () => {
    const lab = await labWith();
    const stranger = openLabSegment({
      name: 'stranger',
      fabric: lab.fabric,
      cidr: { network: ipv4('10.77.0.0'), prefix: 20 },
      address: ipv4('10.77.0.2'),
      clock: systemClock,
      random: seededRandom(2),
    });
    const other = await startDhcpServer({
      segment: stranger,
      config: {
        probeTimeoutMs: 0,
        subnets: [{ cidr: stranger.cidr, ranges: [{ first: ipv4('10.77.1.1'), last: ipv4('10.77.1.9') }] }],
      },
      leaseBook: { all: () => [], put: async () => {}, remove: async () => {} },
      bootLog: () => {},
      clock: systemClock,
    });
    const watcher = openLabSegment({
      ...stranger,
      fabric: lab.fabric,
      name: 'watcher',
      address: ipv4('10.77.0.3'),
      clock: systemClock,
      random: seededRandom(3),
    });
    const found = await findOtherDhcpServers(watcher, {
      clock: systemClock,
      random: seededRandom(4),
      waitMs: 300,
    });
    expect(found.map(({ server }) => server).sort()).toEqual([ipv4('10.77.0.1'), ipv4('10.77.0.2')]);

    await lab.add({ kind: 'simulated', name: 'pc', timeScale: TIME_SCALE });
    await lab.service.power('pc', 'on');
    // Whose offer wins is the firmware's choice: it boots from ours, or is told to have taken the other's.
    const ended = await lab.progress('pc', (progress) => progress.booted || progress.problem !== null);
    if (!ended.booted) expect(explain(ended)).toContain('10.77.0.2');
    await other.dispose();
    stranger.dispose();
    watcher.dispose();
  });
});
