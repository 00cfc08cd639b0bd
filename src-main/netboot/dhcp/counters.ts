import { MESSAGE_TYPE } from '../../protocol/dhcp.ts';
import type { DropReason } from './policy.ts';

type MessageName = keyof typeof MESSAGE_TYPE;

/** What a DHCP server has seen and sent since it started. */
export interface DhcpCounters {
  readonly received: Readonly<Record<MessageName, number>>;
  readonly sent: Readonly<Record<MessageName, number>>;
  /** Only reasons that occurred. */
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  /** REQUESTs that took another server's offer: somebody else hands out addresses on this network. */
  readonly otherServer: number;
  /** Requests whose options were damaged; answered as far as they could be read. */
  readonly damaged: number;
}

const NAMES = Object.keys(MESSAGE_TYPE) as MessageName[];

/** Counts by message type and reason; small enough for the packet path. */
export class DhcpCounter {
  readonly #received = new Uint32Array(NAMES.length + 1);
  readonly #sent = new Uint32Array(NAMES.length + 1);
  readonly #dropped = new Map<DropReason, number>();
  otherServer = 0;
  damaged = 0;

  /** Types that no DHCP message has are counted nowhere. */
  received(type: number | null): void {
    if (type !== null && type < this.#received.length) this.#received[type] = (this.#received[type] ?? 0) + 1;
  }

  sent(type: number): void {
    this.#sent[type] = (this.#sent[type] ?? 0) + 1;
  }

  dropped(reason: DropReason): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1);
  }

  snapshot(): DhcpCounters {
    return {
      received: byName(this.#received),
      sent: byName(this.#sent),
      dropped: Object.fromEntries(this.#dropped),
      otherServer: this.otherServer,
      damaged: this.damaged,
    };
  }
}

function byName(counts: Uint32Array): Record<MessageName, number> {
  return Object.fromEntries(NAMES.map((name) => [name, counts[MESSAGE_TYPE[name]] ?? 0])) as Record<
    MessageName,
    number
  >;
}
