import type { Ipv4, Mac } from '../../base/address.ts';
import type { Clock } from '../../base/clock.ts';
import type { Segment } from '../../base/segment.ts';

/** How long an address that nobody answered for is taken to be free. */
const CLEAR_FOR_MS = 60_000;
const MAX_REMEMBERED = 4096;
/** More probes at a time would be a flood of their own; the clients ask again. */
const MAX_PROBES = 1024;

/** Asks the network who uses an address before it is offered (RFC 2131 §3.1 step 2), and remembers the answers. */
export class ConflictChecker {
  readonly #segment: Segment;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #clearUntil = new Map<Ipv4, number>();
  readonly #waiting = new Map<Mac, { newest: Uint8Array }>();

  constructor(segment: Segment, clock: Clock, timeoutMs: number) {
    this.#segment = segment;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** True when nobody needs to be asked about `address` now. */
  isClear(address: Ipv4): boolean {
    return this.#timeoutMs === 0 || (this.#clearUntil.get(address) ?? 0) > this.#clock.now();
  }

  /**
   * Probes `address` for the client; `done` gets the newest of the requests that came meanwhile, and whether the
   * address is in use. Returns false when a probe for this client is under way, or too many are.
   */
  check(
    mac: Mac,
    address: Ipv4,
    request: Uint8Array,
    done: (request: Uint8Array, inUse: boolean) => void,
  ): boolean {
    const waiting = this.#waiting.get(mac);
    if (waiting) {
      waiting.newest = request.slice();
      return false;
    }
    if (this.#waiting.size >= MAX_PROBES) return false;
    const entry = { newest: request.slice() };
    this.#waiting.set(mac, entry);
    const finish = (inUse: boolean) => {
      this.#waiting.delete(mac);
      if (!inUse) this.#remember(address);
      done(entry.newest, inUse);
    };
    // A probe that cannot be sent tells nothing: the client should boot all the same.
    this.#segment.probe(address, this.#timeoutMs).then(finish, () => finish(false));
    return true;
  }

  #remember(address: Ipv4): void {
    this.#clearUntil.delete(address);
    this.#clearUntil.set(address, this.#clock.now() + CLEAR_FOR_MS);
    if (this.#clearUntil.size <= MAX_REMEMBERED) return;
    for (const oldest of this.#clearUntil.keys()) {
      this.#clearUntil.delete(oldest);
      break;
    }
  }
}
