import type { Clock } from '../../base/clock.ts';
import type { Disposable } from '../../base/disposable.ts';
import type { SwitchPort } from '../switch/port.ts';
import type { LabSwitch, TapFilter } from '../switch/switch.ts';
import { FrameRing, type FrameRingLimits } from './frame-ring.ts';
import { PcapFile } from './pcap-file.ts';

export interface CaptureSource {
  readonly fabric: LabSwitch;
  /** One port, both directions. Absent: the whole switch, each frame once. */
  readonly port?: SwitchPort;
  readonly clock: Clock;
}

export interface CaptureCounters {
  readonly frames: number;
  /** Seen, but not in the file. */
  readonly dropped: number;
}

/** A capture to a file; `dispose` writes the rest and closes it. */
export interface Capture extends Disposable {
  readonly file: string;
  readonly counters: CaptureCounters;
  /** Resolves when everything seen up to now is in the file. */
  flush(): Promise<void>;
  dispose(): Promise<void>;
}

/**
 * Records frames to a pcap file, which Wireshark and tshark can read while it grows.
 * `const capture = await startCapture({ fabric, file: 'boot.pcap', clock: systemClock })`
 */
export async function startCapture(options: CaptureSource & { readonly file: string }): Promise<Capture> {
  const file = await PcapFile.create(options.file);
  const time = wallTime(options.clock);
  let frames = 0;
  const tap = options.fabric.tap((frame) => {
    frames++;
    file.write(time(), frame);
  }, filterOf(options));
  return {
    file: options.file,
    get counters() {
      return { frames, dropped: file.dropped };
    },
    flush: () => file.flush(),
    async dispose() {
      await tap.dispose();
      await file.close();
    },
  };
}

/** Keeps the last frames in memory, for a live view. */
export function watchFrames(
  options: CaptureSource & { readonly limits?: FrameRingLimits },
): Disposable & { readonly ring: FrameRing } {
  const ring = new FrameRing(options.limits);
  const time = wallTime(options.clock);
  const tap = options.fabric.tap((frame, port, direction) => {
    ring.add({ wallMs: time(), portId: port.id, portName: port.name, direction }, frame);
  }, filterOf(options));
  return { ring, dispose: () => tap.dispose() };
}

function filterOf({ port }: CaptureSource): TapFilter {
  return port === undefined ? { direction: 'in' } : { port };
}

/** Wall-clock milliseconds with the fractions of the monotonic clock: frames stay in order and apart. */
function wallTime(clock: Clock): () => number {
  const offset = clock.wallNow() - clock.now();
  return () => offset + clock.now();
}
