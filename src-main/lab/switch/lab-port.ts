import { type ImpairedLink, type Impairment, NO_IMPAIRMENT } from '../faults/impaired-link.ts';
import { newCounters, type PortCounters, type RunningCounters } from './counters.ts';
import type { CableTraits, SwitchPort } from './port.ts';

/** `in`: from the device into the switch; `out`: from the switch to the device. */
export type Direction = 'in' | 'out';

/** One port of a {@link LabSwitch}, as the lab's keeper sees it. */
export interface LabPort extends SwitchPort {
  /** Counts up from 1 in order of plugging in; never used again. */
  readonly id: number;
  readonly counters: PortCounters;
  readonly impairment: { readonly in: Impairment; readonly out: Impairment };
  readonly traits: CableTraits;
}

/** What a port asks of its switch. */
export interface PortOwner {
  receive(frame: Uint8Array): void;
  unplug(): void;
}

/** The switch's own side of {@link LabPort}: the links of both directions, mended or damaged. */
export class Port implements LabPort {
  readonly id: number;
  readonly name: string;
  readonly traits: CableTraits;
  readonly counters: RunningCounters = newCounters();
  inLink: ImpairedLink | null = null;
  outLink: ImpairedLink | null = null;
  plugged = true;
  readonly #deliver: (frame: Uint8Array) => void;
  readonly #owner: PortOwner;

  constructor(
    id: number,
    name: string,
    deliver: (frame: Uint8Array) => void,
    traits: CableTraits,
    owner: PortOwner,
  ) {
    this.id = id;
    this.name = name;
    this.traits = traits;
    this.#deliver = deliver;
    this.#owner = owner;
  }

  get impairment(): { in: Impairment; out: Impairment } {
    return {
      in: this.inLink?.impairment ?? NO_IMPAIRMENT,
      out: this.outLink?.impairment ?? NO_IMPAIRMENT,
    };
  }

  transmit(frame: Uint8Array): void {
    if (this.plugged) this.#owner.receive(frame);
  }

  /** One device's failure must not keep a frame from the others, nor go unseen. */
  deliver(frame: Uint8Array): void {
    if (!this.plugged) return;
    try {
      this.#deliver(frame);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  replaceLink(direction: Direction, link: ImpairedLink | null): void {
    if (direction === 'in') {
      this.inLink?.dispose();
      this.inLink = link;
    } else {
      this.outLink?.dispose();
      this.outLink = link;
    }
  }

  dispose(): void {
    if (!this.plugged) return;
    this.plugged = false;
    this.#owner.unplug();
  }
}
