import type { Direction } from '../switch/switch.ts';

/** A frame as it was seen at a port. */
export interface CapturedFrame {
  /** Counts up from 1 without gaps. */
  readonly number: number;
  readonly wallMs: number;
  /** The port's {@link LabPort.id} and name. */
  readonly portId: number;
  readonly portName: string;
  readonly direction: Direction;
  /** The frame's beginning, up to the ring's snap length. */
  readonly bytes: Uint8Array;
  readonly length: number;
}

export interface FrameRingLimits {
  readonly frames?: number;
  readonly bytes?: number;
  /** Of each frame as much is kept. */
  readonly snapLength?: number;
}

/** The last frames, in bounded memory. */
export class FrameRing {
  readonly #maxFrames: number;
  readonly #maxBytes: number;
  readonly #snapLength: number;
  #frames: CapturedFrame[] = [];
  #first = 0;
  #bytes = 0;
  #count = 0;

  constructor(limits: FrameRingLimits = {}) {
    this.#maxFrames = limits.frames ?? 4096;
    this.#maxBytes = limits.bytes ?? 4 << 20;
    this.#snapLength = limits.snapLength ?? 2048;
  }

  /** How many were ever added. */
  get count(): number {
    return this.#count;
  }

  add(seen: Omit<CapturedFrame, 'number' | 'bytes' | 'length'>, frame: Uint8Array): void {
    const bytes = Uint8Array.from(frame.subarray(0, this.#snapLength));
    this.#frames.push({ ...seen, number: ++this.#count, bytes, length: frame.length });
    this.#bytes += bytes.length;
    while (this.#size > this.#maxFrames || this.#bytes > this.#maxBytes) this.#dropOldest();
    if (this.#first > this.#size) {
      this.#frames = this.#frames.slice(this.#first);
      this.#first = 0;
    }
  }

  /** The frames that are still here, oldest first; only those after `number` when it is given. */
  since(number = 0): readonly CapturedFrame[] {
    const oldest = this.#count - this.#size;
    return this.#frames.slice(this.#first + Math.max(0, number - oldest));
  }

  clear(): void {
    this.#frames = [];
    this.#first = 0;
    this.#bytes = 0;
  }

  get #size(): number {
    return this.#frames.length - this.#first;
  }

  #dropOldest(): void {
    this.#bytes -= this.#frames[this.#first]?.bytes.length ?? 0;
    this.#first++;
  }
}
