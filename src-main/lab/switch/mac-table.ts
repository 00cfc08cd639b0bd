import type { Mac } from '../../base/address.ts';

const WAYS = 4;
const HASH_MULTIPLIER = 0x9e3779b1;

/**
 * Where a switch saw each source address last: a set-associative table like the ones in real switch chips, so
 * its size is fixed, look-ups allocate nothing, and a flood of invented addresses only pushes out the oldest
 * of their own bucket. Entries age lazily, when they are looked up.
 */
export class MacTable<Owner> {
  readonly #ageMs: number;
  readonly #bucketMask: number;
  readonly #high: Uint16Array;
  readonly #low: Uint32Array;
  readonly #seenAt: Float64Array;
  readonly #owners: (Owner | null)[];

  /** `buckets` is rounded up to a power of two; each holds four addresses. */
  constructor(ageMs: number, buckets = 1024) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(1, buckets)));
    this.#ageMs = ageMs;
    this.#bucketMask = size - 1;
    this.#high = new Uint16Array(size * WAYS);
    this.#low = new Uint32Array(size * WAYS);
    this.#seenAt = new Float64Array(size * WAYS);
    this.#owners = new Array<Owner | null>(size * WAYS).fill(null);
  }

  /** How many addresses fit at most. */
  get capacity(): number {
    return this.#owners.length;
  }

  /** Remembers that the address at `offset` of `frame` is behind `owner`. */
  learn(frame: Uint8Array, offset: number, owner: Owner, now: number): void {
    const high = readHigh(frame, offset);
    const low = readLow(frame, offset + 2);
    const first = this.#bucketOf(high, low);
    let slot = first;
    for (let i = first; i < first + WAYS; i++) {
      if (this.#owners[i] !== null && this.#low[i] === low && this.#high[i] === high) {
        slot = i;
        break;
      }
      if (this.#isOlder(i, slot)) slot = i;
    }
    this.#high[slot] = high;
    this.#low[slot] = low;
    this.#seenAt[slot] = now;
    this.#owners[slot] = owner;
  }

  /** Who has the address at `offset` of `frame`; null when unknown or not heard of for too long. */
  find(frame: Uint8Array, offset: number, now: number): Owner | null {
    const high = readHigh(frame, offset);
    const low = readLow(frame, offset + 2);
    const first = this.#bucketOf(high, low);
    for (let i = first; i < first + WAYS; i++) {
      if (this.#low[i] !== low || this.#high[i] !== high) continue;
      const owner = this.#owners[i] ?? null;
      if (owner === null) continue;
      if (now - (this.#seenAt[i] ?? 0) <= this.#ageMs) return owner;
      this.#owners[i] = null;
    }
    return null;
  }

  /** Forgets everything behind `owner`. */
  forget(owner: Owner): void {
    for (let i = 0; i < this.#owners.length; i++) if (this.#owners[i] === owner) this.#owners[i] = null;
  }

  /** The addresses that are known and fresh, for people. */
  entries(now: number): { mac: Mac; owner: Owner }[] {
    const found: { mac: Mac; owner: Owner }[] = [];
    this.#owners.forEach((owner, i) => {
      if (owner === null || now - (this.#seenAt[i] ?? 0) > this.#ageMs) return;
      found.push({ mac: ((this.#high[i] ?? 0) * 0x100000000 + (this.#low[i] ?? 0)) as Mac, owner });
    });
    return found;
  }

  #bucketOf(high: number, low: number): number {
    const hash = Math.imul(low ^ Math.imul(high, HASH_MULTIPLIER), HASH_MULTIPLIER);
    return ((hash >>> 12) & this.#bucketMask) * WAYS;
  }

  #isOlder(a: number, b: number): boolean {
    if (this.#owners[b] === null) return false;
    return this.#owners[a] === null || (this.#seenAt[a] ?? 0) < (this.#seenAt[b] ?? 0);
  }
}

function readHigh(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
}

function readLow(bytes: Uint8Array, offset: number): number {
  const high = ((bytes[offset] ?? 0) << 24) | ((bytes[offset + 1] ?? 0) << 16);
  return (high | ((bytes[offset + 2] ?? 0) << 8) | (bytes[offset + 3] ?? 0)) >>> 0;
}
