import type { Clock, Timer } from '../../base/clock.ts';
import type { Datagram, Peer, UdpEndpoint } from '../../base/segment.ts';
import {
  ackedBlock,
  decodeTftp,
  encodeTftp,
  TFTP_DATA_HEADER,
  TFTP_ERROR,
  writeDataHeader,
} from '../../protocol/tftp.ts';
import type { BootFile } from '../ports.ts';
import { BlockSource } from './block-source.ts';
import type { Negotiated } from './options.ts';
import { type SenderAction, TftpSender } from './sender.ts';

export type TransferOutcome =
  | { readonly end: 'done' }
  /** The client sent ERROR; `probed` when it had only been told the size. */
  | { readonly end: 'aborted' | 'probed'; readonly reason: string }
  | { readonly end: 'timeout' }
  | { readonly end: 'failed' | 'stopped'; readonly reason: string };

interface TransferOptions {
  /** This transfer's own port: its transfer identifier. Closed with the transfer. */
  readonly endpoint: UdpEndpoint;
  readonly peer: Peer;
  readonly file: BootFile;
  readonly negotiated: Negotiated;
  readonly clock: Clock;
  /** Called once, when nothing of the transfer is left. */
  readonly onEnd: (outcome: TransferOutcome) => void;
  /** A datagram from somebody else came to this transfer's port. */
  readonly onStranger: () => void;
}

/** A timer that is this much too late is set anew; less is left to fire early and look again. */
const TIMER_SLACK_MS = 100;
const SILENCE_MS = 1000;

/** Sends one file to one client: carries the sender's decisions out on a UDP port. */
export class TftpTransfer {
  readonly #options: TransferOptions;
  readonly #sender: TftpSender;
  readonly #blockSize: number;
  readonly #oack: Uint8Array | null;
  #source: BlockSource | null = null;
  #waiting: { first: number; count: number } | null = null;
  #timer: Timer | null = null;
  #timerAt = 0;
  #heardAt: number | null = null;
  #ended = false;

  constructor(options: TransferOptions) {
    const { file, negotiated, endpoint } = options;
    this.#options = options;
    this.#blockSize = negotiated.blockSize;
    const withOack = negotiated.accepted.length > 0;
    this.#oack = withOack ? encodeTftp({ type: 'oack', options: negotiated.accepted }) : null;
    this.#sender = new TftpSender({ sizeBytes: file.size, withOack, ...negotiated });
    endpoint.onDatagram((datagram) => this.#receive(datagram));
  }

  start(): void {
    this.#perform(this.#sender.start(this.#options.clock.now()));
  }

  /** Bytes that the client has acknowledged. */
  get ackedBytes(): number {
    return Math.min(this.#sender.acked * this.#blockSize, this.#options.file.size);
  }

  get repeatedBlocks(): number {
    return this.#sender.repeated;
  }

  /** True when the client once answered and then said nothing for longer than any client waits to ask again. */
  isSilentAt(now: number): boolean {
    return this.#heardAt !== null && now - this.#heardAt >= SILENCE_MS;
  }

  /** Ends the transfer; `tell` says so to the client, which is wrong when it has already begun another. */
  stop(tell: boolean): void {
    if (this.#ended) return;
    if (tell) this.#tell(TFTP_ERROR.undefined, 'The server is stopping');
    this.#end({ end: 'stopped', reason: tell ? 'the server stopped' : 'the client began anew' });
  }

  #receive({ data, from }: Datagram): void {
    if (this.#ended) return;
    const { peer, clock } = this.#options;
    if (from.port !== peer.port || from.address !== peer.address) {
      this.#refuseStranger(data, from);
      return;
    }
    const now = clock.now();
    this.#heardAt = now;
    const block = ackedBlock(data);
    if (block >= 0) {
      this.#perform(this.#sender.onAck(block, now));
      return;
    }
    const packet = decodeTftp(data);
    if (packet?.type !== 'error') return;
    // EDK2 and PXE ROMs ask for tsize first and abort with ERROR: the port must be free for what follows.
    const end = this.#sender.acked === 0 && this.#oack ? 'probed' : 'aborted';
    this.#end({ end, reason: packet.message || `error ${packet.code}` });
  }

  /** RFC 1350 §4: a wrong transfer identifier gets an error, the transfer goes on. Errors are never answered. */
  #refuseStranger(data: Uint8Array, from: Peer): void {
    this.#options.onStranger();
    if (decodeTftp(data)?.type === 'error') return;
    this.#send(
      encodeTftp({ type: 'error', code: TFTP_ERROR.unknownTransferId, message: 'Unknown transfer ID' }),
      from,
    );
  }

  #perform(action: SenderAction): void {
    switch (action.kind) {
      case 'wait':
        break;
      case 'oack':
        if (this.#oack) this.#send(this.#oack, this.#options.peer);
        break;
      case 'send':
        this.#waiting = action;
        this.#sendWaiting();
        return;
      case 'done':
        this.#end({ end: 'done' });
        return;
      case 'failed':
        if (action.reason === 'timeout') this.#end({ end: 'timeout' });
        else this.#fail('the file could not be read in time');
        return;
    }
    this.#arm();
  }

  /** Sends the blocks asked for as soon as the file has delivered them: at once, when it was read ahead. */
  #sendWaiting(): void {
    if (!this.#waiting || this.#ended) return;
    const { first, count } = this.#waiting;
    const source = this.#openSource();
    source.release(this.#sender.acked * this.#blockSize);
    if (source.has((first - 1 + count) * this.#blockSize)) {
      this.#waiting = null;
      this.#sendBlocks(source, first, count);
      this.#sender.sent(this.#options.clock.now());
    }
    this.#arm();
  }

  /** The fast path: one buffer for the window, no waiting between its blocks. */
  #sendBlocks(source: BlockSource, first: number, count: number): void {
    const { endpoint, peer } = this.#options;
    const blockSize = this.#blockSize;
    const packets = Buffer.allocUnsafe(count * (TFTP_DATA_HEADER + blockSize));
    let at = 0;
    for (let block = first; block < first + count; block++) {
      writeDataHeader(packets, at, block);
      const from = (block - 1) * blockSize;
      const end = at + TFTP_DATA_HEADER + source.copy(packets, at + TFTP_DATA_HEADER, from, from + blockSize);
      endpoint.send(packets.subarray(at, end), peer);
      at = end;
    }
  }

  #openSource(): BlockSource {
    const { file, negotiated } = this.#options;
    this.#source ??= new BlockSource(
      file,
      negotiated.blockSize * negotiated.windowSize,
      () => this.#sendWaiting(),
      (problem) => this.#fail(problem),
    );
    return this.#source;
  }

  /** One timer at most, looked at again when it fires: most ACKs only move the deadline. */
  #arm(): void {
    const deadline = this.#sender.deadline;
    if (this.#ended || deadline === Number.POSITIVE_INFINITY) return;
    if (this.#timer && this.#timerAt <= deadline + TIMER_SLACK_MS) return;
    this.#timer?.cancel();
    const { clock } = this.#options;
    this.#timerAt = deadline;
    this.#timer = clock.after(Math.max(0, deadline - clock.now()), () => {
      this.#timer = null;
      this.#perform(this.#sender.onTimeout(clock.now()));
    });
  }

  #fail(reason: string): void {
    if (this.#ended) return;
    this.#tell(TFTP_ERROR.undefined, 'The file cannot be read');
    this.#end({ end: 'failed', reason });
  }

  #tell(code: number, message: string): void {
    this.#send(encodeTftp({ type: 'error', code, message }), this.#options.peer);
  }

  #send(bytes: Uint8Array, to: Peer): void {
    this.#options.endpoint.send(bytes, to);
  }

  #end(outcome: TransferOutcome): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#sender.stop();
    this.#timer?.cancel();
    this.#source?.dispose();
    void this.#options.endpoint.dispose();
    this.#options.onEnd(outcome);
  }
}
