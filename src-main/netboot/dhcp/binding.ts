import type { Ipv4, Mac } from '../../base/address.ts';

/**
 * 'free': nobody has it, but `mac` had it last and gets it again if it can. 'offered': held for `mac` for a short
 * while. 'bound': leased to `mac`. 'declined': used by somebody who did not get it from us.
 */
type BindingState = 'free' | 'offered' | 'bound' | 'declined';

/** One address that has been in use at least once. Changed by its `AddressTable` only. */
export interface Binding {
  readonly address: Ipv4;
  mac: Mac;
  state: BindingState;
  /** Wall-clock milliseconds; meaningless while free. */
  expiresAt: number;
  hostname: string;
  /** The list that holds it, and its neighbours there. */
  list: BindingList | null;
  before: Binding | null;
  after: Binding | null;
}

export function newBinding(address: Ipv4, mac: Mac): Binding {
  return {
    address,
    mac,
    state: 'free',
    expiresAt: 0,
    hostname: '',
    list: null,
    before: null,
    after: null,
  };
}

/** A queue of bindings: add at the end, remove anywhere, both in constant time. A binding is in one list at most. */
export class BindingList {
  #first: Binding | null = null;
  #last: Binding | null = null;
  #size = 0;

  get first(): Binding | null {
    return this.#first;
  }

  get size(): number {
    return this.#size;
  }

  /** Moves `binding` from wherever it is to the end of this list. */
  push(binding: Binding): void {
    binding.list?.remove(binding);
    binding.list = this;
    binding.before = this.#last;
    if (this.#last) this.#last.after = binding;
    else this.#first = binding;
    this.#last = binding;
    this.#size++;
  }

  remove(binding: Binding): void {
    if (binding.list !== this) return;
    if (binding.before) binding.before.after = binding.after;
    else this.#first = binding.after;
    if (binding.after) binding.after.before = binding.before;
    else this.#last = binding.before;
    binding.list = binding.before = binding.after = null;
    this.#size--;
  }
}
