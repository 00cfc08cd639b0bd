import type { Ipv4, Mac } from '../../../../base/address.ts';
import type { Clock } from '../../../../base/clock.ts';
import type { Disposable } from '../../../../base/disposable.ts';
import type { Random } from '../../../../base/random.ts';
import { IpHost } from '../../../host/ip-host.ts';
import { TcpStack } from '../../../host/tcp/index.ts';
import type { Fabric, SwitchPort } from '../../../switch/port.ts';
import { concerns, type FrameOwner } from './frame-filter.ts';

type Deliver = (frame: Uint8Array) => void;

/** Frames that wait to be taken; what comes on top is lost, as in a card's receive ring. */
const RING_FRAMES = 1024;

/**
 * A network card: one cable to the switch, and above it one program's network stack at a time. Firmware, loader
 * and kernel each bring their own, so that nothing (address, ARP, connections) passes from one to the next.
 */
export class NicDevice implements Disposable {
  readonly mac: Mac;
  readonly index: number;
  readonly #name: string;
  readonly #port: SwitchPort;
  #deliver: Deliver | null = null;
  #stack: NicStack | null = null;
  #powered = true;
  #ring: Uint8Array[] = [];

  constructor(fabric: Fabric, name: string, mac: Mac, index: number) {
    this.mac = mac;
    this.index = index;
    this.#name = name;
    this.#port = fabric.attach(name, (frame) => this.#receive(frame));
  }

  /** Puts a fresh network stack on the card; the one before is gone without a frame. */
  open(clock: Clock, random: Random): NicStack {
    this.close();
    const stack = new NicStack(this.#fabric(), this.#name, this.mac, clock, random);
    this.#stack = stack;
    return stack;
  }

  /** Takes the stack away. */
  close(): void {
    const stack = this.#stack;
    this.#ring = [];
    this.#deliver = null;
    this.#stack = null;
    stack?.dispose();
  }

  /** Pulls the cable: not one frame passes any more. */
  dispose(): void {
    if (!this.#powered) return;
    this.#powered = false;
    this.close();
    void this.#port.dispose();
  }

  /**
   * Takes a frame in, to be looked at in a turn of its own: the sender is still in the midst of sending, and two
   * hosts that answer each other at once would call one another without end.
   */
  #receive(frame: Uint8Array): void {
    if (!this.#deliver || !this.#stack || this.#ring.length >= RING_FRAMES) return;
    if (!concerns(frame, this.#stack)) return;
    if (this.#ring.length === 0) setImmediate(() => this.#drain());
    this.#ring.push(new Uint8Array(frame));
  }

  #drain(): void {
    const frames = this.#ring;
    this.#ring = [];
    for (const frame of frames) this.#deliver?.(frame);
  }

  /** What the stack takes for the switch: a port that goes dead with it. */
  #fabric(): Fabric {
    return {
      attach: (name, deliver) => {
        this.#deliver = deliver;
        return {
          name,
          transmit: (frame) => {
            if (this.#deliver === deliver && this.#powered) this.#port.transmit(frame);
          },
          dispose: () => {
            if (this.#deliver === deliver) this.#deliver = null;
          },
        };
      },
    };
  }
}

/** The network stack of one program on one card. */
export class NicStack implements Disposable, FrameOwner {
  readonly ip: IpHost;
  readonly tcp: TcpStack;
  readonly mac: Mac;

  constructor(fabric: Fabric, name: string, mac: Mac, clock: Clock, random: Random) {
    this.mac = mac;
    this.ip = new IpHost({ fabric, name, mac, clock, random });
    this.tcp = new TcpStack({ ip: this.ip, clock, random });
    this.ip.registerTransport(this.tcp);
  }

  get address(): Ipv4 {
    return this.ip.address;
  }

  knows(address: Ipv4): boolean {
    return this.ip.arp.find(address) !== null;
  }

  dispose(): void {
    this.tcp.dispose();
    this.ip.dispose();
  }
}
