import type { BootDisk } from '../machine/machine.ts';
import type { LoadedFile } from '../net/loaded-file.ts';

/** A kernel in memory, ready to start. */
export interface LinuxBoot {
  readonly kernel: LoadedFile;
  readonly initrds: readonly LoadedFile[];
  readonly commandLine: string;
}

/** What became of a boot device. */
export type BootResult =
  | { readonly kind: 'linux'; readonly boot: LinuxBoot }
  | { readonly kind: 'disk'; readonly disk: BootDisk }
  | { readonly kind: 'poweroff' }
  | { readonly kind: 'reboot' }
  /** A prompt or an endless loop: only the power button helps. */
  | { readonly kind: 'stuck' }
  /** It did not start: the firmware tries the next one. */
  | { readonly kind: 'next' };

export const NEXT: BootResult = { kind: 'next' };
export const STUCK: BootResult = { kind: 'stuck' };
