import type { Disposable } from '../../base/disposable.ts';

/** Where a device plugs in: the lab's switch, or anything that behaves like one. */
export interface Fabric {
  /**
   * Plugs a cable in. `deliver` gets each frame that leaves the switch by this port; the frame is shared
   * with other ports, so it must not be changed, and copied if it is kept.
   */
  attach(name: string, deliver: (frame: Uint8Array) => void): SwitchPort;
}

/** The switch's end of one cable. Disposing it unplugs the cable. */
export interface SwitchPort extends Disposable {
  readonly name: string;
  /** A frame from the device. The switch keeps no reference after the call, unless an impairment delays it. */
  transmit(frame: Uint8Array): void;
}
