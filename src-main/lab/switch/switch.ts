import { type Mac, writeMac } from '../../base/address.ts';
import type { Clock } from '../../base/clock.ts';
import type { Disposable } from '../../base/disposable.ts';
import type { Random } from '../../base/random.ts';
import { ImpairedLink, type Impairment, NO_IMPAIRMENT } from '../faults/impaired-link.ts';
import type { DropReason } from './counters.ts';
import { type Direction, type LabPort, Port } from './lab-port.ts';
import { MacTable } from './mac-table.ts';
import type { CableTraits, Fabric, SwitchPort } from './port.ts';

export type { Direction, LabPort } from './lab-port.ts';

/** Destination and source address and the type. Devices need not pad to 60 bytes. */
const MIN_FRAME = 14;
/** A 9000-byte jumbo packet with its header and one VLAN tag. */
const MAX_FRAME = 9018;
/** Usual ageing time of switches, IEEE 802.1D table 7-5. */
const MAC_AGE_MS = 300_000;
const MAX_QUEUED = 8192;
/** A loop of frames among devices gives the event loop its turn after this many. */
const FRAMES_PER_TURN = 2048;
const TURN_MS = 1;

/** Sees a frame on its way; it must not change it, and copies what it keeps. */
export type TapObserver = (frame: Uint8Array, port: LabPort, direction: Direction) => void;

export interface TapFilter {
  /** One port; all of them when absent. */
  readonly port?: SwitchPort;
  /** Of all ports, `in` shows each frame exactly once. Both directions when absent. */
  readonly direction?: Direction;
}

export interface LabSwitchOptions {
  readonly clock: Clock;
  /** Decides which frames an impairment hits. */
  readonly random: Random;
}

interface Tap {
  readonly observer: TapObserver;
  readonly filter: TapFilter;
}

/**
 * A learning Ethernet switch. Frames pass synchronously and without a copy: `deliver` of the receiving devices
 * is called inside `transmit`. What devices transmit inside `deliver` waits (copied) until the frame at hand
 * reached all its receivers, so every device sees frames in one order and the stack stays flat.
 */
export class LabSwitch implements Fabric {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #table = new MacTable<Port>(MAC_AGE_MS);
  #ports: readonly Port[] = [];
  #taps: readonly Tap[] = [];
  #nextId = 1;
  #busy = false;
  #queue: { port: Port; frame: Uint8Array }[] = [];
  #turnPlanned = false;

  constructor(options: LabSwitchOptions) {
    this.#clock = options.clock;
    this.#random = options.random;
  }

  attach(name: string, deliver: (frame: Uint8Array) => void, traits: CableTraits = {}): LabPort {
    const port = new Port(this.#nextId++, name, deliver, traits, {
      receive: (frame) => this.#receive(port, frame),
      unplug: () => this.#unplug(port),
    });
    this.#ports = [...this.#ports, port];
    return port;
  }

  /** What is plugged in now. */
  ports(): readonly LabPort[] {
    return this.#ports;
  }

  /** Which addresses were heard behind which port. */
  addresses(): { mac: Mac; owner: LabPort }[] {
    return this.#table.entries(this.#clock.now());
  }

  traitsOf(mac: Mac): CableTraits {
    const address = new Uint8Array(6);
    writeMac(address, 0, mac);
    const port = this.#table.find(address, 0, this.#clock.now());
    if (port === null) return {};
    const { dupThreshold, ...others } = port.traits;
    const reorders = port.impairment.in.reorderRate + port.impairment.out.reorderRate > 0;
    return reorders || dupThreshold === undefined ? others : { ...others, dupThreshold };
  }

  /**
   * Damages a cable; what is absent of `impairment` is perfect, `null` mends all. Frames still on the way
   * by the former setting are lost. `direction`: both ways, each on its own, when absent.
   */
  setImpairment(
    port: SwitchPort,
    impairment: Partial<Impairment> | null,
    direction: Direction | 'both' = 'both',
  ): void {
    const target = this.#ports.find((p) => p === port);
    if (!target) return;
    const whole = { ...NO_IMPAIRMENT, ...impairment };
    const onDrop = (reason: DropReason) => void target.counters.dropped[reason]++;
    const link = (forward: (frame: Uint8Array) => void) =>
      impairment === null ? null : new ImpairedLink(whole, this.#clock, this.#random, forward, onDrop);
    if (direction !== 'out')
      target.replaceLink(
        'in',
        link((frame) => this.#accept(target, frame)),
      );
    if (direction !== 'in')
      target.replaceLink(
        'out',
        link((frame) => this.#emerge(target, frame)),
      );
  }

  /** Shows frames to `observer` as the switch handles them: after damage on the way in, before damage on the way out. */
  tap(observer: TapObserver, filter: TapFilter = {}): Disposable {
    const tap: Tap = { observer, filter };
    this.#taps = [...this.#taps, tap];
    return {
      dispose: () => {
        this.#taps = this.#taps.filter((other) => other !== tap);
      },
    };
  }

  #receive(port: Port, frame: Uint8Array): void {
    if (port.inLink) port.inLink.send(frame);
    else this.#accept(port, frame);
  }

  #accept(port: Port, frame: Uint8Array): void {
    const problem = problemOf(frame);
    if (problem !== null) {
      port.counters.dropped[problem]++;
      return;
    }
    if (this.#busy || this.#queue.length > 0) {
      this.#enqueue(port, frame);
      return;
    }
    this.#busy = true;
    this.#forward(port, frame);
    this.#drain();
  }

  #enqueue(port: Port, frame: Uint8Array): void {
    if (this.#queue.length >= MAX_QUEUED) {
      port.counters.dropped.backlog++;
      return;
    }
    const copy = Buffer.allocUnsafe(frame.length);
    copy.set(frame);
    this.#queue.push({ port, frame: copy });
  }

  /** Works off what was transmitted meanwhile; called while `#busy`, which it ends. */
  #drain(): void {
    let done = 0;
    for (let next = this.#queue[0]; next && done < FRAMES_PER_TURN; next = this.#queue[done]) {
      this.#forward(next.port, next.frame);
      done++;
    }
    this.#busy = false;
    if (done === this.#queue.length) {
      if (done > 0) this.#queue = [];
      return;
    }
    this.#queue = this.#queue.slice(done);
    if (this.#turnPlanned) return;
    this.#turnPlanned = true;
    this.#clock.after(TURN_MS, () => {
      this.#turnPlanned = false;
      this.#busy = true;
      this.#drain();
    });
  }

  #forward(port: Port, frame: Uint8Array): void {
    if (!port.plugged) return;
    const now = this.#clock.now();
    port.counters.framesIn++;
    port.counters.bytesIn += frame.length;
    if (this.#taps.length > 0) this.#show(frame, port, 'in');
    this.#table.learn(frame, 6, port, now);
    if (((frame[0] ?? 0) & 1) === 0) {
      const owner = this.#table.find(frame, 0, now);
      if (owner !== null) {
        if (owner !== port) this.#send(owner, frame);
        return;
      }
    }
    for (const other of this.#ports) if (other !== port) this.#send(other, frame);
  }

  #send(port: Port, frame: Uint8Array): void {
    port.counters.framesOut++;
    port.counters.bytesOut += frame.length;
    if (this.#taps.length > 0) this.#show(frame, port, 'out');
    if (port.outLink) port.outLink.send(frame);
    else port.deliver(frame);
  }

  /** A frame comes out of a damaged cable at the device. */
  #emerge(port: Port, frame: Uint8Array): void {
    const nested = this.#busy;
    this.#busy = true;
    port.deliver(frame);
    if (!nested) this.#drain();
  }

  #show(frame: Uint8Array, port: Port, direction: Direction): void {
    for (const { observer, filter } of this.#taps) {
      if (filter.port !== undefined && filter.port !== port) continue;
      if (filter.direction !== undefined && filter.direction !== direction) continue;
      observer(frame, port, direction);
    }
  }

  #unplug(port: Port): void {
    this.#ports = this.#ports.filter((p) => p !== port);
    this.#table.forget(port);
    port.replaceLink('in', null);
    port.replaceLink('out', null);
  }
}

function problemOf(frame: Uint8Array): DropReason | null {
  if (frame.length < MIN_FRAME) return 'runt';
  if (frame.length > MAX_FRAME) return 'oversize';
  // A group address is nobody's own (IEEE 802.3 §3.2.3): learning it would lead broadcasts to one port.
  return ((frame[6] ?? 0) & 1) === 1 ? 'badSource' : null;
}
