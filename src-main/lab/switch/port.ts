import type { Mac } from '../../base/address.ts';
import type { Disposable } from '../../base/disposable.ts';

/** What is known of a cable and the device behind it; senders of much data go by it. */
export interface CableTraits {
  /** Bytes that may be under way at once: more would overflow a queue that drops. */
  readonly maxInFlightBytes?: number;
  /** How many later segments prove that one was lost: 1 where nothing ever overtakes. */
  readonly dupThreshold?: number;
  /** The device may take this long to answer without anything being lost. */
  readonly minRtoMs?: number;
}

/** Where a device plugs in: the lab's switch, or anything that behaves like one. */
export interface Fabric {
  /**
   * Plugs a cable in. `deliver` gets each frame that leaves the switch by this port; the frame is shared
   * with other ports, so it must not be changed, and copied if it is kept.
   */
  attach(name: string, deliver: (frame: Uint8Array) => void, traits?: CableTraits): SwitchPort;
  /** The traits of the cable behind which a hardware address was heard last. */
  traitsOf?(mac: Mac): CableTraits;
}

/** The switch's end of one cable. Disposing it unplugs the cable. */
export interface SwitchPort extends Disposable {
  readonly name: string;
  /** A frame from the device. The switch keeps no reference after the call, unless an impairment delays it. */
  transmit(frame: Uint8Array): void;
}
