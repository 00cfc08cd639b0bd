import { readFileSync } from 'node:fs';
import path from 'node:path';
import { V86 } from 'v86';
import { type Mac, writeMac } from '../../../base/address.ts';
import { systemClock } from '../../../base/clock.ts';
import type { Screen } from '../screen.ts';
import { FileDisk } from './file-disk.ts';
import { bootOrderFile, nicRomFile, smbiosFiles } from './firmware-files.ts';
import { skipIpxeBanner } from './ipxe-banner.ts';
import type { MachineConfig } from './messages.ts';
import { ReceiveQueue } from './receive-queue.ts';
import { asImage, openInternals, type V86Internals } from './v86-internals.ts';
import { readScreen } from './vga-screen.ts';

/** What the emulated machine tells; frames and bytes are only valid during the call. */
export interface EmulatorEvents {
  frame(frame: Uint8Array): void;
  serialByte(byte: number): void;
  /** The guest powered off or reset the PC; the emulator stands still. */
  guest(wants: 'off' | 'reset'): void;
}

/** One PC on v86, in the thread that runs this. Ends with the thread. */
export interface Emulator {
  run(): void;
  receive(frame: Uint8Array): void;
  serial(data: Uint8Array): void;
  type(text: string): Promise<void>;
  screen(): Promise<Screen>;
}

/** SeaBIOS takes 16 keys at most before somebody reads them: a character every so many ms arrives safely. */
const KEY_INTERVAL_MS = 15;
const NO_IDENTITY = { uuid: '', vendor: '', product: '', serial: '' };

/** Builds the PC, stopped. Throws V86ShapeError, or the error of a file that cannot be read. */
export async function createEmulator(config: MachineConfig, events: EmulatorEvents): Promise<Emulator> {
  const { machine } = config;
  const firmware = (name: string) => readFileSync(path.join(machine?.firmwareFolder ?? '', name));
  const disks = machine?.disks.map((disk) => asImage(new FileDisk(disk.path))) ?? [];
  const emulator = new V86({
    wasm_fn: async (imports) => (await WebAssembly.instantiate(config.wasm, imports)).exports,
    memory_size: config.memoryMb << 20,
    vga_memory_size: 8 << 20,
    autostart: false,
    fastboot: true,
    acpi: true,
    disable_speaker: true,
    disable_mouse: true,
    net_device: { type: 'ne2k' },
    ...(machine && {
      bios: { buffer: ownBuffer(firmware('bios-256k.bin')) },
      vga_bios: { buffer: ownBuffer(firmware('vgabios-stdvga.bin')) },
    }),
    ...(disks[0] && { hda: disks[0] }),
    ...(disks[1] && { hdb: disks[1] }),
  });
  await new Promise<void>((ready) => emulator.add_listener('emulator-ready', () => ready()));
  const internals = openInternals(emulator);

  const { mac = 0, identity = NO_IDENTITY, bootOrder = [] } = machine ?? {};
  const macBytes = new Uint8Array(6);
  writeMac(macBytes, 0, mac as Mac);
  internals.setMac(macBytes);
  internals.firmwareFiles.push(...smbiosFiles(identity, config.memoryMb), bootOrderFile(bootOrder));
  if (machine) internals.firmwareFiles.push(nicRomFile(firmware('pxe-ne2k_pci.rom')));
  machine?.disks.forEach(({ model, serial }, i) => {
    internals.setDiskIdentity(i === 0 ? 0 : 1, model, serial);
  });

  const queue = new ReceiveQueue(internals.nic);
  connect(emulator, internals, queue, events);
  const screen = () => readScreen(internals.vga);
  return {
    run() {
      void emulator.run();
      // Ends with the thread.
      if (machine) skipIpxeBanner({ screen, type: (text) => type(emulator, text), clock: systemClock });
    },
    receive: (frame) => queue.push(frame),
    serial: (data) => emulator.serial_send_bytes(0, data),
    type: (text) => type(emulator, text),
    screen,
  };
}

function connect(emulator: V86, internals: V86Internals, queue: ReceiveQueue, events: EmulatorEvents): void {
  emulator.add_listener('net0-send', events.frame);
  emulator.add_listener('serial0-output-byte', events.serialByte);
  internals.onReceiveRoom(() => queue.drain());
  let ended = false;
  const end = (wants: 'off' | 'reset') => {
    if (ended) return;
    ended = true;
    void emulator.stop();
    events.guest(wants);
  };
  internals.onPowerOff(() => end('off'));
  internals.onReset(() => end('reset'));
}

/** v86's own pacing is missing in its types. */
function type(emulator: V86, text: string): Promise<void> {
  const send: (text: string, intervalMs: number) => unknown = emulator.keyboard_send_text.bind(emulator);
  return Promise.resolve(send(text, KEY_INTERVAL_MS)).then(() => undefined);
}

function ownBuffer(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}
