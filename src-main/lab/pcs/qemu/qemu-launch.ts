import { copyFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { Disposables } from '../../../base/disposable.ts';
import { rackboxError } from '../../../base/error-catalogue.ts';
import { messageOf } from '../../../base/errors.ts';
import type { BootDevice, PcEnvironment, PcSpec } from '../pc.ts';
import { cableUp } from './cabling.ts';
import { openChannels } from './channels.ts';
import { commandLine } from './command-line.ts';
import { ensureDisk } from './disk-file.ts';
import { type FirmwareFiles, findFirmware, firmwareHint } from './firmware-files.ts';
import type { Host } from './host.ts';
import type { Installation } from './installation.ts';
import { endOrphan, pidFileOf } from './orphan-guard.ts';
import { QemuProcess } from './qemu-process.ts';

/** The PC to start, as it is now. */
export interface QemuLaunch {
  readonly spec: PcSpec;
  readonly bootOrder: readonly BootDevice[];
  readonly diskFiles: readonly string[];
  readonly environment: PcEnvironment;
  readonly host: Host;
  readonly cable: 'stream' | 'dgram';
  readonly found: Installation;
}

/** What exists while a PC is on. */
export interface RunningQemu {
  readonly process: QemuProcess;
  readonly serial: Duplex;
  /** Ends QEMU, then unplugs the NICs. */
  readonly parts: Disposables;
}

/** The chosen UDP ports may be taken by somebody else just before QEMU binds them. */
const START_TRIES = 3;

/** Starts a PC: its guest runs when this resolves. Rejects with PC_UNAVAILABLE, nothing left behind. */
export async function launchQemu(launch: QemuLaunch): Promise<RunningQemu> {
  const { spec, diskFiles, environment, host, found } = launch;
  const { folder, runner, clock } = environment;
  await endOrphan(folder, runner, host.platform, clock);
  const firmware = await prepareFirmware(spec, folder, host, found);
  for (const [i, disk] of spec.disks.entries())
    await ensureDisk(diskFiles[i] ?? '', disk.sizeBytes, runner, host.platform);
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(launch, firmware);
    } catch (error) {
      const problem = messageOf(error);
      if (attempt < START_TRIES && /Address already in use/.test(problem)) continue;
      const hint = 'Check the PC’s settings against what QEMU says here.';
      throw rackboxError('PC_UNAVAILABLE', { kind: 'qemu', problem, hint }, error);
    }
  }
}

async function start(launch: QemuLaunch, firmware: FirmwareFiles | null): Promise<RunningQemu> {
  const { spec, bootOrder, diskFiles, environment, host, cable, found } = launch;
  const { folder, runner, clock, fabric } = environment;
  const { program, guard, version, acceleration } = found;
  const onWindows = host.platform === 'win32';
  const parts = new Disposables();
  try {
    const frameChannels = cable === 'stream' ? spec.nics.length : 0;
    const channels = parts.add(await openChannels(2 + frameChannels, onWindows ? 'tcp' : 'inherited'));
    const [qmp, serial, ...frames] = channels.addresses;
    if (!qmp || !serial) throw new TypeError('no channels');
    const cabling = parts.add(await cableUp(fabric, spec, cable, frames));
    const args = commandLine({
      spec,
      bootOrder,
      version,
      acceleration,
      firmware,
      diskFiles,
      qmp,
      serial,
      nics: cabling.backends,
      pidFile: pidFileOf(folder),
    });
    const qemu = await QemuProcess.start({ runner, clock, program, args, guard, channels, onWindows });
    parts.defer(() => qemu.stop());
    const [serialStream, ...frameStreams] = qemu.streams;
    if (!serialStream) throw new TypeError('no serial line');
    cabling.plugIn(frameStreams);
    await qemu.qmp.execute('cont');
    return { process: qemu, serial: serialStream, parts };
  } catch (error) {
    await parts.dispose();
    throw error;
  }
}

/** This PC's own variable store, made from the template the first time; null for BIOS. */
async function prepareFirmware(
  { firmware }: PcSpec,
  folder: string,
  host: Host,
  { program }: Installation,
): Promise<FirmwareFiles | null> {
  if (firmware === 'bios') return null;
  const files = await findFirmware(host, program, firmware);
  if (!files)
    throw rackboxError('PC_UNAVAILABLE', {
      kind: 'qemu',
      problem: `the UEFI firmware for "${firmware}" was not found`,
      hint: firmwareHint(host, firmware),
    });
  const variables = path.join(folder, `nvram-${firmware}.fd`);
  const [own, template] = await Promise.all([stat(variables).catch(() => null), stat(files.variables)]);
  // A copy cut short, or one of another build, has another size: the firmware would not start with it.
  if (own?.size !== template.size) await copyFile(files.variables, variables);
  return { code: files.code, variables };
}
