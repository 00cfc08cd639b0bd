import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../base/clock.ts';
import type { ProcessRunner } from '../../../base/process-runner.ts';
import { findFirmware, firmwareCandidates, firmwareHint } from './firmware-files.ts';
import { type Host, installHint, programCandidates } from './host.ts';
import { findInstallation } from './installation.ts';

const hostWith = (platform: NodeJS.Platform, files: readonly string[] = [], PATH = ''): Host => ({
  platform,
  env: { PATH },
  exists: async (file) => files.includes(file),
});

const runnerSaying = (version: string): ProcessRunner => ({
  run: async (_command, args) => ({ code: 0, stdout: args[0] === '--version' ? version : '', stderr: '' }),
  spawn: () => {
    throw new Error('not used');
  },
});

const BREW = '/opt/homebrew/bin/qemu-system-x86_64';

describe('where QEMU is', () => {
  it('looks on the PATH first, then in the usual places', () => {
    expect(programCandidates(hostWith('linux', [], '/opt/q:/usr/bin:relative')).slice(0, 3)).toEqual([
      '/opt/q/qemu-system-x86_64',
      '/usr/bin/qemu-system-x86_64',
      '/usr/local/bin/qemu-system-x86_64',
    ]);
    expect(programCandidates(hostWith('darwin'))).toContain(BREW);
    expect(programCandidates(hostWith('win32', [], 'D:\\q;C:\\x'))).toEqual(
      expect.arrayContaining([
        'D:\\q\\qemu-system-x86_64.exe',
        'C:\\Program Files\\qemu\\qemu-system-x86_64.exe',
      ]),
    );
  });

  it('takes the first that says it is QEMU', async () => {
    const found = await findInstallation(
      hostWith('darwin', [BREW]),
      runnerSaying('QEMU emulator version 10.1.0\nCopyright'),
      new ManualClock(),
      { acceleration: 'tcg' },
    );
    expect(found).toEqual({
      program: BREW,
      version: { major: 10, minor: 1, micro: 0 },
      acceleration: 'tcg',
      guard: 'watchdog',
      detail: 'QEMU 10.1.0, software emulation',
    });
  });

  it('says what to install, and what is too old', async () => {
    const clock = new ManualClock();
    expect(await findInstallation(hostWith('darwin'), runnerSaying(''), clock)).toEqual({
      problem: 'QEMU was not found',
      hint: 'Install QEMU: brew install qemu.',
    });
    const old = runnerSaying('QEMU emulator version 2.11.1(Debian)');
    expect(await findInstallation(hostWith('darwin', [BREW]), old, clock)).toMatchObject({
      problem: 'QEMU 2.11.1 is too old',
    });
    expect(new Set((['linux', 'darwin', 'win32'] as const).map(installHint)).size).toBe(3);
  });
});

describe('where UEFI is', () => {
  it('pairs code and variables, and takes a pair only whole', async () => {
    const files = [
      '/usr/share/OVMF/OVMF_CODE_4M.fd',
      '/usr/share/edk2/x64/OVMF_CODE.4m.fd',
      '/usr/share/edk2/x64/OVMF_VARS.4m.fd',
    ];
    expect(await findFirmware(hostWith('linux', files), '/usr/bin/qemu-system-x86_64', 'uefi')).toEqual({
      code: '/usr/share/edk2/x64/OVMF_CODE.4m.fd',
      variables: '/usr/share/edk2/x64/OVMF_VARS.4m.fd',
    });
    expect(await findFirmware(hostWith('linux'), '/usr/bin/qemu-system-x86_64', 'uefi')).toBeNull();
  });

  it('finds what QEMU itself installs', () => {
    expect(firmwareCandidates(hostWith('darwin'), BREW, 'uefi-pxe')).toEqual([
      {
        code: '/opt/homebrew/share/qemu/edk2-x86_64-code.fd',
        variables: '/opt/homebrew/share/qemu/edk2-i386-vars.fd',
      },
    ]);
    expect(
      firmwareCandidates(hostWith('win32'), 'C:\\Program Files\\qemu\\qemu-system-x86_64.exe', 'uefi'),
    ).toEqual([
      {
        code: 'C:\\Program Files\\qemu\\share\\edk2-x86_64-code.fd',
        variables: 'C:\\Program Files\\qemu\\share\\edk2-i386-vars.fd',
      },
    ]);
  });

  it('never takes a store without keys for Secure Boot', () => {
    expect(firmwareCandidates(hostWith('darwin'), BREW, 'uefi-secure')).toEqual([]);
    for (const { variables } of firmwareCandidates(hostWith('linux'), '/usr/bin/q', 'uefi-secure'))
      expect(variables).toMatch(/\.ms\.fd$|secboot|ms-vars/);
    expect(firmwareHint(hostWith('darwin'), 'uefi-secure')).toMatch(/Secure Boot/);
    expect(firmwareCandidates(hostWith('linux'), '/usr/bin/q', 'bios')).toEqual([]);
  });
});
