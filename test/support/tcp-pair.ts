import { type Ipv4, ipv4 } from '../../src-main/base/address.ts';
import { type Clock, ManualClock, type Timer } from '../../src-main/base/clock.ts';
import { type Random, seededRandom } from '../../src-main/base/random.ts';
import type { IpLayer } from '../../src-main/lab/host/ip-layer.ts';
import { TcpStack, type TcpStackOptions } from '../../src-main/lab/host/tcp/index.ts';

/** What a direction of the wire does to packets; each a probability of 0 to 1. */
export interface Wire {
  readonly delayMs: number;
  readonly loss: number;
  readonly duplicate: number;
  /** Such packets are held back by up to `reorderMs` more. */
  readonly reorder: number;
  readonly reorderMs: number;
}

export const PERFECT_WIRE: Wire = { delayMs: 0.1, loss: 0, duplicate: 0, reorder: 0, reorderMs: 0 };

export type Packet = Buffer;
type Deliver = (packet: Packet) => void;

/** One direction of a wire in virtual time, with one clock timer however much is on the way. */
export class VirtualWire {
  wire: Wire;
  /** Sees every packet before the wire does; false drops it. */
  filter: (packet: Packet) => boolean = () => true;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #deliver: Deliver;
  readonly #onWay: { at: number; packet: Packet }[] = [];
  #timer: Timer | null = null;
  #timerAt = 0;

  constructor(wire: Wire, clock: Clock, random: Random, deliver: Deliver) {
    this.wire = wire;
    this.#clock = clock;
    this.#random = random;
    this.#deliver = deliver;
  }

  send(packet: Packet): void {
    const { loss, duplicate } = this.wire;
    if (!this.filter(packet) || this.#random.float() < loss) return;
    this.#put(packet);
    if (this.#random.float() < duplicate) this.#put(packet);
  }

  #put(packet: Packet): void {
    const { delayMs, reorder, reorderMs } = this.wire;
    const extra = this.#random.float() < reorder ? this.#random.float() * reorderMs : 0;
    const at = this.#clock.now() + delayMs + extra;
    let i = this.#onWay.length;
    while (i > 0 && (this.#onWay[i - 1]?.at ?? 0) > at) i--;
    this.#onWay.splice(i, 0, { at, packet });
    this.#arm();
  }

  #arm(): void {
    const first = this.#onWay[0];
    if (first === undefined) return;
    if (this.#timer !== null) {
      if (this.#timerAt <= first.at) return;
      this.#timer.cancel();
    }
    this.#timerAt = first.at;
    this.#timer = this.#clock.after(first.at - this.#clock.now(), () => {
      this.#timer = null;
      const now = this.#clock.now();
      while (this.#onWay[0] && this.#onWay[0].at <= now + 1e-6)
        this.#deliver((this.#onWay.shift() as { packet: Packet }).packet);
      this.#arm();
    });
  }
}

/** An IP host that is nothing but an address and a wire. */
export class BareIp implements IpLayer {
  readonly maxPayload = 1480;
  readonly address: Ipv4;
  send: Deliver = () => undefined;

  constructor(address: Ipv4) {
    this.address = address;
  }

  sendIp(
    _protocol: number,
    _to: Ipv4,
    length: number,
    write: (frame: Uint8Array, offset: number) => void,
  ): void {
    const frame = Buffer.allocUnsafe(length + 34);
    write(frame, 34);
    this.send(frame.subarray(34));
  }
}

export const LEFT = ipv4('10.0.0.1');
export const RIGHT = ipv4('10.0.0.2');

/** Two stacks joined by a wire in virtual time. */
export class TcpPair {
  readonly clock = new ManualClock();
  readonly random: Random;
  readonly left: TcpStack;
  readonly right: TcpStack;
  readonly toRight: VirtualWire;
  readonly toLeft: VirtualWire;

  constructor(
    seed = 1,
    wire: Partial<Wire> = {},
    options: { left?: Partial<TcpStackOptions>; right?: Partial<TcpStackOptions> } = {},
  ) {
    const whole = { ...PERFECT_WIRE, ...wire };
    this.random = seededRandom(seed);
    const leftIp = new BareIp(LEFT);
    const rightIp = new BareIp(RIGHT);
    const common = { clock: this.clock, random: this.random };
    this.left = new TcpStack({ ip: leftIp, ...common, options: options.left ?? {} });
    this.right = new TcpStack({ ip: rightIp, ...common, options: options.right ?? {} });
    this.toRight = new VirtualWire(whole, this.clock, this.random, (p) => this.right.receive(p, LEFT, RIGHT));
    this.toLeft = new VirtualWire(whole, this.clock, this.random, (p) => this.left.receive(p, RIGHT, LEFT));
    leftIp.send = (p) => this.toRight.send(p);
    rightIp.send = (p) => this.toLeft.send(p);
  }

  /**
   * Lets streams and time go on until `done` or until `limitMs` of virtual time are over.
   * True when it was done.
   */
  async until(done: () => boolean, limitMs = 600_000): Promise<boolean> {
    const end = this.clock.now() + limitMs;
    for (let idleTurns = 0; idleTurns < 200; ) {
      await settle();
      if (done()) return true;
      const wait = this.clock.untilNext;
      // Streams may still be at something that needs no timer.
      if (wait === null) idleTurns++;
      else if (this.clock.now() + wait > end) return false;
      else {
        idleTurns = 0;
        this.clock.advance(wait);
      }
    }
    return false;
  }

  /** Lets `ms` of virtual time pass. */
  async pass(ms: number): Promise<void> {
    const end = this.clock.now() + ms;
    await this.until(() => false, ms);
    if (this.clock.now() < end) this.clock.advance(end - this.clock.now());
    await settle();
  }
}

/** Lets streams do what they have put off to later turns of the event loop. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
