import type { Ipv4, Mac } from '../../base/address.ts';
import { type Binding, BindingList, newBinding } from './binding.ts';
import type { AddressRange, DhcpSubnet } from './config.ts';

/** Called when a lease ran out: noticed when the table is next used, not by a timer. */
export type ExpiryListener = (binding: Binding) => void;

/**
 * The addresses of one subnet and who has them. Every operation takes constant time, however large the pool:
 * addresses never used come first, then those free for longest (so that a machine finds its own again).
 * Pure: time is an argument, nothing is stored or sent.
 */
export class AddressTable {
  readonly subnet: DhcpSubnet;
  readonly #maxOffers: number;
  readonly #onExpiry: ExpiryListener;
  readonly #byAddress = new Map<Ipv4, Binding>();
  readonly #byMac = new Map<Mac, Binding>();
  readonly #reservedFor = new Map<Ipv4, Mac>();
  readonly #reservation = new Map<Mac, Ipv4>();
  readonly #free = new BindingList();
  readonly #offered = new BindingList();
  readonly #declined = new BindingList();
  /** Leases by their duration: in each list the first to expire is the first. */
  readonly #bound = new Map<number, BindingList>();
  /** Where the search for a never used address goes on. */
  #freshIndex = 0;
  #freshOffset = 0;

  constructor(subnet: DhcpSubnet, maxOffers: number, onExpiry: ExpiryListener) {
    this.subnet = subnet;
    this.#maxOffers = maxOffers;
    this.#onExpiry = onExpiry;
    for (const { mac, address } of subnet.reservations ?? []) {
      this.#reservedFor.set(address, mac);
      this.#reservation.set(mac, address);
    }
  }

  /** The client's present or latest binding. */
  of(mac: Mac): Binding | null {
    return this.#byMac.get(mac) ?? null;
  }

  at(address: Ipv4): Binding | null {
    return this.#byAddress.get(address) ?? null;
  }

  bindings(): IterableIterator<Binding> {
    return this.#byAddress.values();
  }

  get offers(): number {
    return this.#offered.size;
  }

  /** Whether `mac` may have `address` at all: reserved for it, or in the pool and reserved for nobody. */
  permits(mac: Mac, address: Ipv4): boolean {
    const owner = this.#reservedFor.get(address);
    return owner === undefined ? inRanges(this.subnet.ranges, address) : owner === mac;
  }

  /** True when `mac` may have `address` and nobody else has it now. */
  available(mac: Mac, address: Ipv4): boolean {
    if (!this.permits(mac, address)) return false;
    const binding = this.#byAddress.get(address);
    return !binding || binding.state === 'free' || (binding.mac === mac && binding.state !== 'declined');
  }

  /** True when `mac` should be confirmed in using `address`: available, and not reserved another one that is free. */
  entitled(mac: Mac, address: Ipv4): boolean {
    const reserved = this.#reservation.get(mac);
    if (reserved !== undefined && reserved !== address && this.available(mac, reserved)) return false;
    return this.available(mac, address);
  }

  /**
   * Finds an address for `mac`: its reservation, the one it has or had, the one it asks for, a never used one, the
   * one free for longest, and in need one that was declined long ago. Null when the pool is exhausted.
   * The caller says at once what becomes of it (`offer` or `bind`).
   */
  choose(mac: Mac, wanted: Ipv4 | null, now: number): Ipv4 | null {
    this.expire(now);
    const reserved = this.#reservation.get(mac);
    if (reserved !== undefined && this.available(mac, reserved)) return reserved;
    const own = this.#byMac.get(mac);
    if (own && this.available(mac, own.address)) return own.address;
    if (wanted !== null && this.available(mac, wanted)) return wanted;
    return this.#fresh() ?? this.#free.first?.address ?? this.#oldestDeclined(mac);
  }

  /** Holds `address` for `mac` until `now + holdMs`. A lease it already has there stays as it is. */
  offer(address: Ipv4, mac: Mac, now: number, holdMs: number): Binding {
    const binding = this.#take(address, mac);
    if (binding.state === 'bound') return binding;
    const oldest = this.#offered.first;
    if (oldest && oldest !== binding && this.#offered.size >= this.#maxOffers) this.free(oldest);
    binding.state = 'offered';
    binding.expiresAt = now + holdMs;
    this.#offered.push(binding);
    return binding;
  }

  /** Leases `address` to `mac` until `now + leaseMs`. */
  bind(address: Ipv4, mac: Mac, now: number, leaseMs: number, hostname: string): Binding {
    const binding = this.#take(address, mac);
    binding.state = 'bound';
    binding.expiresAt = now + leaseMs;
    binding.hostname = hostname;
    this.#boundFor(leaseMs).push(binding);
    return binding;
  }

  /** Keeps everybody away from `address` until `now + holdMs`. */
  decline(address: Ipv4, mac: Mac, now: number, holdMs: number): Binding {
    const binding = this.#take(address, mac);
    binding.state = 'declined';
    binding.expiresAt = now + holdMs;
    this.#declined.push(binding);
    return binding;
  }

  /** Gives an address back. Its client is remembered until somebody else gets it. */
  free(binding: Binding): void {
    binding.state = 'free';
    // Addresses outside the pool (old ranges, reservations) must not be handed to anybody else.
    if (inRanges(this.subnet.ranges, binding.address) && !this.#reservedFor.has(binding.address))
      this.#free.push(binding);
    else binding.list?.remove(binding);
  }

  /** Puts back what was known before a restart or a change of configuration, oldest expiry first. */
  restore(known: Pick<Binding, 'address' | 'mac' | 'state' | 'expiresAt' | 'hostname'>, now: number): void {
    const binding = this.#take(known.address, known.mac);
    binding.hostname = known.hostname;
    binding.expiresAt = known.expiresAt;
    if (known.state === 'free' || known.expiresAt <= now) {
      this.free(binding);
      return;
    }
    binding.state = known.state;
    if (known.state === 'offered') this.#offered.push(binding);
    else if (known.state === 'declined') this.#declined.push(binding);
    // Restored leases have all sorts of remaining times: a list of their own, which is sorted already.
    else this.#boundFor(0).push(binding);
  }

  /** Frees what has run out by `now`. */
  expire(now: number): void {
    this.#expireFrom(this.#offered, now);
    this.#expireFrom(this.#declined, now);
    for (const list of this.#bound.values()) this.#expireFrom(list, now);
  }

  #expireFrom(list: BindingList, now: number): void {
    for (let first = list.first; first && first.expiresAt <= now; first = list.first) {
      const wasBound = first.state === 'bound';
      this.free(first);
      if (wasBound) this.#onExpiry(first);
    }
  }

  #boundFor(leaseMs: number): BindingList {
    const list = this.#bound.get(leaseMs) ?? new BindingList();
    this.#bound.set(leaseMs, list);
    return list;
  }

  /** The binding of `address`, now in `mac`'s name; an offer of another address to it ends. */
  #take(address: Ipv4, mac: Mac): Binding {
    const binding = this.#byAddress.get(address) ?? newBinding(address, mac);
    this.#byAddress.set(address, binding);
    if (binding.mac !== mac) {
      if (this.#byMac.get(binding.mac) === binding) this.#byMac.delete(binding.mac);
      binding.mac = mac;
      binding.hostname = '';
    }
    const former = this.#byMac.get(mac);
    if (former && former !== binding && former.state === 'offered') this.free(former);
    this.#byMac.set(mac, binding);
    return binding;
  }

  /** The next address that nobody ever had; each address is looked at once in the table's life. */
  #fresh(): Ipv4 | null {
    for (let range = this.#freshRange(); range; range = this.#freshRange()) {
      const address = (range.first + this.#freshOffset) as Ipv4;
      if (address <= range.last) {
        if (!this.#byAddress.has(address) && !this.#reservedFor.has(address)) return address;
        this.#freshOffset++;
      } else {
        this.#freshIndex++;
        this.#freshOffset = 0;
      }
    }
    return null;
  }

  #freshRange(): AddressRange | undefined {
    return this.subnet.ranges[this.#freshIndex];
  }

  /** The address declined longest ago that `mac` may have: better than none. */
  #oldestDeclined(mac: Mac): Ipv4 | null {
    for (let binding = this.#declined.first; binding; binding = binding.after)
      if (this.permits(mac, binding.address)) return binding.address;
    return null;
  }
}

function inRanges(ranges: readonly AddressRange[], address: Ipv4): boolean {
  return ranges.some((range) => address >= range.first && address <= range.last);
}
