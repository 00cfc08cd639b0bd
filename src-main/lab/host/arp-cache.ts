import type { Ipv4, Mac } from '../../base/address.ts';
import type { Clock, Timer } from '../../base/clock.ts';

/** Since it was last heard of; Linux asks again sooner, a lab's addresses move less. */
const ENTRY_LIFE_MS = 300_000;
const MAX_ENTRIES = 8192;
const MAX_WAITING_ADDRESSES = 256;
const MAX_WAITING_FRAMES = 16;
const ASK_EVERY_MS = 1000;
/** As Linux: then whatever waited is thrown away. */
const ASK_TIMES = 3;

/** What the cache needs of its host. */
export interface ArpCacheHost {
  /** Broadcasts a request. */
  request(address: Ipv4): void;
  transmit(frame: Uint8Array, to: Mac): void;
  /** Frames that can't be delivered: nobody answered, or too many waited. */
  dropped(frames: number): void;
}

interface Entry {
  readonly mac: Mac;
  heardAt: number;
}

interface Waiting {
  readonly frames: Uint8Array[];
  asked: number;
  timer: Timer;
}

/** Who has which address, and the frames that wait until it is known (RFC 826; RFC 1122 §2.3.2). */
export class ArpCache {
  readonly #clock: Clock;
  readonly #host: ArpCacheHost;
  readonly #entries = new Map<Ipv4, Entry>();
  readonly #waiting = new Map<Ipv4, Waiting>();

  constructor(clock: Clock, host: ArpCacheHost) {
    this.#clock = clock;
    this.#host = host;
  }

  /** The hardware address, when it is known and fresh. */
  find(address: Ipv4): Mac | null {
    const entry = this.#entries.get(address);
    if (entry === undefined) return null;
    if (this.#clock.now() - entry.heardAt <= ENTRY_LIFE_MS) return entry.mac;
    this.#entries.delete(address);
    return null;
  }

  /** Sends the frame to `address`, now or when its hardware address is known. The frame belongs to the cache. */
  send(address: Ipv4, frame: Uint8Array): void {
    const known = this.find(address);
    if (known !== null) this.#host.transmit(frame, known);
    else this.#wait(address, frame);
  }

  /** Takes note of an address and lets go what waited for it. */
  learn(address: Ipv4, mac: Mac): void {
    const entry = this.#entries.get(address);
    if (entry?.mac === mac) entry.heardAt = this.#clock.now();
    else this.#insert(address, mac);
    if (this.#waiting.size === 0) return;
    const waiting = this.#waiting.get(address);
    if (waiting === undefined) return;
    this.#waiting.delete(address);
    waiting.timer.cancel();
    for (const frame of waiting.frames) this.#host.transmit(frame, mac);
  }

  /** What is known, for people. */
  entries(): { address: Ipv4; mac: Mac }[] {
    return [...this.#entries].map(([address, { mac }]) => ({ address, mac }));
  }

  /** Forgets everything, waiting frames too. */
  clear(): void {
    for (const { timer } of this.#waiting.values()) timer.cancel();
    this.#waiting.clear();
    this.#entries.clear();
  }

  #insert(address: Ipv4, mac: Mac): void {
    this.#entries.delete(address);
    if (this.#entries.size >= MAX_ENTRIES) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    this.#entries.set(address, { mac, heardAt: this.#clock.now() });
  }

  #wait(address: Ipv4, frame: Uint8Array): void {
    const waiting = this.#waiting.get(address);
    if (waiting !== undefined) {
      // The newest is worth most: what is old has been sent again meanwhile.
      if (waiting.frames.length >= MAX_WAITING_FRAMES) {
        waiting.frames.shift();
        this.#host.dropped(1);
      }
      waiting.frames.push(frame);
      return;
    }
    if (this.#waiting.size >= MAX_WAITING_ADDRESSES) {
      this.#host.dropped(1);
      return;
    }
    const timer = this.#clock.after(ASK_EVERY_MS, () => this.#askAgain(address));
    this.#waiting.set(address, { frames: [frame], asked: 1, timer });
    this.#host.request(address);
  }

  #askAgain(address: Ipv4): void {
    const waiting = this.#waiting.get(address);
    if (waiting === undefined) return;
    if (waiting.asked >= ASK_TIMES) {
      this.#waiting.delete(address);
      this.#host.dropped(waiting.frames.length);
      return;
    }
    waiting.asked++;
    waiting.timer = this.#clock.after(ASK_EVERY_MS, () => this.#askAgain(address));
    this.#host.request(address);
  }
}
