import type { Ipv4 } from '../../../base/address.ts';
import type { TcpSegment } from '../../../protocol/tcp.ts';

/** The two ends of a connection. */
export interface Flow {
  readonly localAddress: Ipv4;
  readonly localPort: number;
  readonly remoteAddress: Ipv4;
  readonly remotePort: number;
}

/** Whoever holds a flow's state at the moment: an opening, half-open, open or just closed connection. */
export interface SegmentHandler {
  readonly flow: Flow;
  /** Takes a segment of the flow. False when it gave the flow up and the segment starts a new one. */
  receive(segment: TcpSegment, data: Uint8Array, now: number): boolean;
}

/** Finds the handler of a segment by its ports and its sender. */
export class FlowTable {
  readonly #byPort = new Map<number, Map<number, SegmentHandler>>();

  find(localPort: number, remoteAddress: Ipv4, remotePort: number): SegmentHandler | null {
    return this.#byPort.get(localPort)?.get(keyOf(remoteAddress, remotePort)) ?? null;
  }

  /** Puts a handler in, in place of whoever had its flow. */
  set(handler: SegmentHandler): void {
    const { localPort, remoteAddress, remotePort } = handler.flow;
    let remotes = this.#byPort.get(localPort);
    if (remotes === undefined) {
      remotes = new Map();
      this.#byPort.set(localPort, remotes);
    }
    remotes.set(keyOf(remoteAddress, remotePort), handler);
  }

  /** Takes this very handler out; does nothing when another one has the flow by now. */
  delete(handler: SegmentHandler): void {
    const { localPort, remoteAddress, remotePort } = handler.flow;
    const remotes = this.#byPort.get(localPort);
    const key = keyOf(remoteAddress, remotePort);
    if (remotes?.get(key) !== handler) return;
    remotes.delete(key);
    if (remotes.size === 0) this.#byPort.delete(localPort);
  }
}

/** 48 bits: exact in a double. */
function keyOf(address: Ipv4, port: number): number {
  return address * 0x10000 + port;
}
