import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipv4 } from '../../base/address.ts';
import { systemClock } from '../../base/clock.ts';
import type { ProcessRunner } from '../../base/process-runner.ts';
import { pingAnswered, pingArguments, resolvedNeighbours } from './neighbour-table.ts';
import { type NicProbeOptions, probeOnNic } from './nic-probe.ts';

const HEAD = 'IP address       HW type     Flags       HW address            Mask     Device\n';
const line = (address: string, flags: string, mac: string, device = 'lo') =>
  `${address.padEnd(16)} 0x1         ${flags}         ${mac}     *        ${device}\n`;

describe("the kernel's neighbours", () => {
  it('are those it has a hardware address for, on the interface', () => {
    const table =
      HEAD +
      line('10.77.0.5', '0x2', '52:54:00:00:00:05') +
      line('10.77.0.6', '0x0', '00:00:00:00:00:00') +
      line('10.77.0.7', '0x2', '00:00:00:00:00:00') +
      line('10.77.0.8', '0x2', '52:54:00:00:00:08', 'eth1');
    expect(resolvedNeighbours(table, 'lo')).toEqual(new Set([ipv4('10.77.0.5')]));
  });

  it('never throws on arbitrary text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        resolvedNeighbours(`${HEAD}${text}`, 'lo');
      }),
    );
  });
});

describe('ping', () => {
  it('is told the time in the unit of its system', () => {
    expect(pingArguments('linux', '10.77.0.5', 250)).toEqual(['-n', '-c', '1', '-W', '1', '10.77.0.5']);
    expect(pingArguments('darwin', '10.77.0.5', 250)).toEqual(['-n', '-c', '1', '-W', '250', '10.77.0.5']);
    expect(pingArguments('win32', '10.77.0.5', 250)).toEqual(['-n', '1', '-w', '250', '10.77.0.5']);
  });

  it('was answered when an echo came back', () => {
    expect(pingAnswered('linux', 0, '')).toBe(true);
    expect(pingAnswered('linux', 1, '')).toBe(false);
    expect(pingAnswered('win32', 0, 'Reply from 10.77.0.1: Destination host unreachable.')).toBe(false);
    expect(pingAnswered('win32', 0, 'Reply from 10.77.0.5: bytes=32 time<1ms TTL=64')).toBe(true);
  });
});

describe('probing an address', () => {
  const target = ipv4('127.0.0.9');
  let pings = 0;
  const options = (neighbours: () => string, pingCode = 1): NicProbeOptions => {
    const runner: ProcessRunner = {
      run: async () => {
        pings++;
        return { code: pingCode, stdout: '', stderr: '' };
      },
      spawn: () => {
        throw new Error('not used');
      },
    };
    const readNeighbours = async () => neighbours();
    const address = ipv4('127.0.0.1');
    return { interface: 'lo', address, platform: 'linux', runner, clock: systemClock, readNeighbours };
  };

  it('makes the kernel ask, and believes an answer that comes later', async () => {
    pings = 0;
    let looks = 0;
    const answers = () => (++looks < 3 ? HEAD : HEAD + line('127.0.0.9', '0x2', '52:54:00:00:00:09'));
    expect(await probeOnNic(options(answers), target, 5000)).toBe(true);
    expect([looks, pings]).toEqual([3, 0]);
  });

  it('is free when nobody answers in time', async () => {
    expect(
      await probeOnNic(
        options(() => HEAD),
        target,
        50,
      ),
    ).toBe(false);
  });

  it('does not believe an old entry, which may be of a machine that is gone', async () => {
    pings = 0;
    const known = () => HEAD + line('127.0.0.9', '0x2', '52:54:00:00:00:09');
    expect(await probeOnNic(options(known, 1), target, 50)).toBe(false);
    expect(await probeOnNic(options(known, 0), target, 50)).toBe(true);
    expect(pings).toBe(2);
  });

  it('knows its own address, and pings where there is no such table', async () => {
    expect(
      await probeOnNic(
        options(() => HEAD),
        ipv4('127.0.0.1'),
        50,
      ),
    ).toBe(true);
    expect(await probeOnNic({ ...options(() => HEAD, 0), platform: 'darwin' }, target, 50)).toBe(true);
  });
});
