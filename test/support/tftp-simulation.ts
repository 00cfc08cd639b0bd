import type { Random } from '../../src-main/base/random.ts';
import { type SenderAction, type SenderOptions, TftpSender } from '../../src-main/netboot/tftp/sender.ts';

export interface NetworkFaults {
  /** Chances per packet, 0 to 1. */
  readonly loss: number;
  readonly duplicate: number;
  readonly reorder: number;
  readonly random: Random;
}

export interface SimulatedOutcome {
  readonly end: 'done' | 'failed';
  /** Blocks that the client has received in order. */
  readonly received: number;
  readonly elapsedMs: number;
  readonly packets: number;
}

/** -1 stands for the OACK among the blocks. */
const OACK_BLOCK = -1;

/**
 * Runs a sender against an RFC 7440 client over a faulty network in virtual time. The client never repeats an
 * ACK by itself, so every recovery is the sender's.
 */
export function simulateTransfer(options: SenderOptions, faults: NetworkFaults): SimulatedOutcome {
  const { random } = faults;
  const sender = new TftpSender(options);
  const queue: { at: number; toClient: boolean; block: number }[] = [];
  let now = 0;
  let packets = 0;
  let end: SimulatedOutcome['end'] | null = null;

  const carry = (toClient: boolean, block: number) => {
    packets++;
    const copies = random.float() < faults.loss ? 0 : random.float() < faults.duplicate ? 2 : 1;
    for (let copy = 0; copy < copies; copy++)
      queue.push({
        at: now + 1 + (random.float() < faults.reorder ? random.float() * 20 : 0),
        toClient,
        block,
      });
  };
  const perform = (action: SenderAction) => {
    if (action.kind === 'oack') carry(true, OACK_BLOCK);
    if (action.kind === 'send') {
      for (let i = 0; i < action.count; i++) carry(true, action.first + i);
      sender.sent(now);
    }
    if (action.kind === 'done' || action.kind === 'failed') end = action.kind;
  };

  let received = 0;
  let inWindow = 0;
  const client = (block: number) => {
    if (block === OACK_BLOCK) carry(false, 0);
    else if (block === received + 1) {
      received++;
      if (++inWindow < options.windowSize && received < sender.lastBlock) return;
      inWindow = 0;
      carry(false, received);
    } else {
      inWindow = 0;
      carry(false, received);
    }
  };

  perform(sender.start(now));
  while (end === null) {
    let next = -1;
    for (const [index, packet] of queue.entries())
      if (next < 0 || packet.at < (queue[next]?.at ?? 0)) next = index;
    const packet = queue[next];
    if (packet && packet.at <= sender.deadline) {
      queue.splice(next, 1);
      now = Math.max(now, packet.at);
      if (packet.toClient) client(packet.block);
      else perform(sender.onAck(packet.block & 0xffff, now));
    } else {
      if (sender.deadline === Number.POSITIVE_INFINITY) throw new Error('the sender waits for nothing');
      now = Math.max(now, sender.deadline);
      perform(sender.onTimeout(now));
    }
  }
  return { end, received, elapsedMs: now, packets };
}
