import type { Ipv4 } from '../../../../base/address.ts';
import type { Clock, Timer } from '../../../../base/clock.ts';
import { encodeTftp, TFTP_ERROR, type TftpPacket } from '../../../../protocol/tftp.ts';
import type { Pace } from '../machine/pace.ts';
import type { NicStack } from './nic-device.ts';
import { type TftpEnd, type TftpFlavour, TftpReceiver } from './tftp-receiver.ts';

const TFTP_PORT = 69;

export interface TftpContext {
  readonly stack: NicStack;
  readonly clock: Clock;
  readonly pace: Pace;
  readonly signal: AbortSignal;
}

export interface TftpDownload {
  readonly server: Ipv4;
  readonly filename: string;
  readonly flavour: TftpFlavour;
  /** Ask for the size and abort. */
  readonly sizeOnly?: boolean;
  /** Gets the content in order; the bytes are only valid during the call. */
  readonly onData?: (data: Uint8Array) => void;
}

/** How a download by TFTP ended; `timeout` when nobody answered any more. */
export type TftpResult = TftpEnd | { readonly ok: false; readonly code: 'timeout'; readonly message: string };

/** Downloads one file. Rejects when the power goes. */
export function downloadByTftp(context: TftpContext, download: TftpDownload): Promise<TftpResult> {
  return new Promise((resolve, reject) => {
    if (context.signal.aborted) return reject(context.signal.reason);
    const transfer = new Transfer(context, download, resolve);
    const onAbort = () => {
      transfer.stop();
      reject(context.signal.reason);
    };
    context.signal.addEventListener('abort', onAbort, { once: true });
    transfer.onStop = () => context.signal.removeEventListener('abort', onAbort);
    transfer.start();
  });
}

class Transfer {
  readonly #context: TftpContext;
  readonly #download: TftpDownload;
  readonly #resolve: (result: TftpResult) => void;
  readonly #receiver: TftpReceiver;
  readonly #endpoint;
  /** The server's transfer id, known from its first packet on (RFC 1350 §4). */
  #serverPort: number | null = null;
  #tries = 0;
  #deadline = 0;
  #timer: Timer | null = null;
  #stopped = false;
  onStop: () => void = () => undefined;

  constructor(context: TftpContext, download: TftpDownload, resolve: (result: TftpResult) => void) {
    this.#context = context;
    this.#download = download;
    this.#resolve = resolve;
    this.#receiver = new TftpReceiver(download.filename, download.flavour.options, download.sizeOnly);
    this.#endpoint = context.stack.ip.udp(0);
    this.#endpoint.onDatagram(({ data, from }) => {
      if (from.address === download.server) this.#receive(data, from.port);
    });
  }

  start(): void {
    this.#send(this.#receiver.request);
    this.#extend();
    this.#arm();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    void this.#endpoint.dispose();
    this.onStop();
  }

  #receive(data: Uint8Array, port: number): void {
    if (this.#stopped) return;
    if (this.#serverPort !== null && port !== this.#serverPort) {
      const error = {
        type: 'error',
        code: TFTP_ERROR.unknownTransferId,
        message: 'Unknown transfer ID',
      } as const;
      this.#endpoint.send(encodeTftp(error), { address: this.#download.server, port });
      return;
    }
    const step = this.#receiver.receive(data);
    if (this.#receiver.answered || step.end) this.#serverPort ??= port;
    if (step.data) this.#download.onData?.(step.data);
    if (step.send) this.#send(step.send);
    if (step.data || step.send) {
      this.#tries = 0;
      this.#extend();
    }
    if (step.end) this.#finish(step.end);
  }

  #extend(): void {
    const wait = this.#download.flavour.timeoutsMs[this.#tries] ?? 0;
    this.#deadline = this.#context.clock.now() + this.#context.pace.patience(wait);
  }

  /** One timer that looks at the deadline, instead of a new one for each packet. */
  #arm(): void {
    const { clock } = this.#context;
    this.#timer = clock.after(Math.max(0, this.#deadline - clock.now()), () => {
      if (clock.now() < this.#deadline) return this.#arm();
      if (++this.#tries >= this.#download.flavour.timeoutsMs.length)
        return this.#finish({ ok: false, code: 'timeout', message: 'Connection timed out' });
      const { send } = this.#receiver.timeout();
      if (send) this.#send(send);
      this.#extend();
      this.#arm();
    });
  }

  #send(packet: TftpPacket): void {
    const to = { address: this.#download.server, port: this.#serverPort ?? TFTP_PORT };
    this.#endpoint.send(encodeTftp(packet), to);
  }

  #finish(result: TftpResult): void {
    if (this.#stopped) return;
    this.stop();
    this.#resolve(result);
  }
}
