import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../base/clock.ts';
import type { ProcessRunner, RunResult } from '../../../base/process-runner.ts';
import { chooseAcceleration, type ProbeResult, probeAccelerations } from './acceleration.ts';

const clock = new ManualClock();

/** A QEMU whose guests take so long, or that ends otherwise, by accelerator. */
function runnerOf(outcomes: Record<string, { ms?: number } & Partial<RunResult>>): ProcessRunner {
  return {
    async run(_program, args) {
      const name = args[args.indexOf('-accel') + 1]?.split(',')[0] ?? '';
      const { ms = 0, ...result } = outcomes[name] ?? {};
      clock.advance(ms);
      return { code: 0x63, stdout: '', stderr: '', ...result };
    },
    spawn: () => {
      throw new Error('not used');
    },
  };
}

const probed = (outcomes: Parameters<typeof runnerOf>[0], platform: NodeJS.Platform = 'linux') =>
  probeAccelerations(runnerOf(outcomes), 'qemu', platform, clock);
const chosen = async (...args: Parameters<typeof probed>) => chooseAcceleration(await probed(...args));

describe('acceleration', () => {
  it('is what the guest really runs on', async () => {
    expect(await chosen({ tcg: { ms: 150 }, kvm: { ms: 80 } })).toEqual({ acceleration: 'kvm', detail: '' });
    expect(await chosen({ tcg: { ms: 150 }, hvf: { ms: 80 } }, 'darwin')).toMatchObject({
      acceleration: 'hvf',
    });
    expect(await chosen({ tcg: { ms: 150 }, whpx: { ms: 200 } }, 'win32')).toMatchObject({
      acceleration: 'whpx',
    });
    expect(await chosen({ tcg: { ms: 150 } }, 'freebsd')).toEqual({ acceleration: 'tcg', detail: '' });
  });

  it('is software when the hypervisor aborts, with the reason', async () => {
    const stderr =
      "qemu: ../target/i386/kvm/kvm.c:2905: kvm_buf_set_msrs: Assertion `ret == cpu->kvm_msr_buf->nmsrs' failed.";
    expect(await chosen({ tcg: { ms: 150 }, kvm: { code: null, stderr } })).toEqual({
      acceleration: 'tcg',
      detail: `kvm is unusable: ${stderr}`,
    });
  });

  it('is software when the hypervisor hangs or crawls', async () => {
    expect(await chosen({ tcg: { ms: 150 }, kvm: { code: null } })).toEqual({
      acceleration: 'tcg',
      detail: 'kvm is unusable: no answer in 0.4 s',
    });
    expect(await chosen({ tcg: { ms: 150 }, kvm: { ms: 2260 } })).toEqual({
      acceleration: 'tcg',
      detail: 'kvm is slower than software emulation here: 2260 ms against 150 ms',
    });
  });

  it('does not take a clean exit without a guest for success', async () => {
    expect(await chosen({ tcg: { ms: 150 }, kvm: { code: 0 } })).toMatchObject({
      detail: 'kvm is unusable: exit status 0',
    });
  });

  it('is nothing when not even software emulation works', async () => {
    expect(await chosen({ tcg: { code: 1, stderr: 'a\nno firmware\n' }, kvm: { code: 1 } })).toBeNull();
    const [software] = (await probed({ tcg: { code: 1, stderr: 'a\nno firmware\n' } })) as [ProbeResult];
    expect(software).toEqual({ acceleration: 'tcg', tookMs: null, problem: 'no firmware' });
  });

  it('is hardware when only that works', async () => {
    expect(await chosen({ tcg: { code: 1 }, kvm: { ms: 500 } })).toMatchObject({ acceleration: 'kvm' });
  });
});
