import type { Ipv4, Mac } from './address.ts';

/**
 * One step of one machine's boot, told by whoever saw it on the wire. Stored, pushed live, and
 * read by the boot timeline, which knows what should come next.
 */
export interface BootEvent {
  /** Wall-clock milliseconds. */
  readonly at: number;
  readonly mac?: Mac;
  readonly ip?: Ipv4;
  readonly phase: BootPhase;
  /** What happened in the phase: "offer", "request", "done", "missing", … */
  readonly step: string;
  /** Facts for people and for the timeline: file, size, milliseconds, reason. */
  readonly detail: Readonly<Record<string, string | number | boolean>>;
}

/** In the order in which a network boot goes through them. */
export const BOOT_PHASES = [
  'power',
  'dhcp',
  'loader',
  'config',
  'kernel',
  'initrd',
  'preseed',
  'userdata',
] as const;
export type BootPhase = (typeof BOOT_PHASES)[number];

/** Where those who see a step report it. */
export type BootLog = (event: BootEvent) => void;
