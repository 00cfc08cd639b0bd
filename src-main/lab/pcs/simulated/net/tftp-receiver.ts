import { decodeTftp, TFTP_ERROR, type TftpOption, type TftpPacket } from '../../../../protocol/tftp.ts';

/** How one TFTP client asks. */
export interface TftpFlavour {
  readonly options: readonly TftpOption[];
  /** How long each try waits; the transfer has failed when all have passed. */
  readonly timeoutsMs: readonly number[];
}

const DOUBLING = [250, 500, 1000, 2000, 4000, 8000];

/** Requests as captured from the real clients. */
export const TFTP_FLAVOURS = {
  ipxe: {
    options: [
      ['blksize', '1432'],
      ['tsize', '0'],
    ],
    timeoutsMs: DOUBLING,
  },
  /** EDK2 first asks for the size only, aborts, then asks again without tsize. */
  edk2Size: {
    options: [
      ['tsize', '0'],
      ['blksize', '1468'],
      ['windowsize', '4'],
    ],
    timeoutsMs: [4000, 4000, 4000, 4000],
  },
  edk2: {
    options: [
      ['blksize', '1468'],
      ['windowsize', '4'],
    ],
    timeoutsMs: [4000, 4000, 4000, 4000],
  },
  /** shim calls the firmware's client with the packet size of 512. */
  shim: {
    options: [
      ['blksize', '512'],
      ['windowsize', '4'],
    ],
    timeoutsMs: [4000, 4000, 4000, 4000],
  },
  grub: {
    options: [
      ['blksize', '1024'],
      ['tsize', '0'],
    ],
    timeoutsMs: [400, 800, 1600, 3200, 6400],
  },
  pxelinux: {
    options: [
      ['tsize', '0'],
      ['blksize', '1408'],
    ],
    timeoutsMs: [250, 500, 1000, 2000, 4000],
  },
  biosPxe: {
    options: [
      ['tsize', '0'],
      ['blksize', '1456'],
    ],
    timeoutsMs: [2000, 2000, 4000, 4000],
  },
} as const satisfies Record<string, TftpFlavour>;

/** What the receiver wants done about an event. */
export interface TftpStep {
  readonly send?: TftpPacket;
  /** New bytes of the file, in order; a view into the packet. */
  readonly data?: Uint8Array;
  readonly end?: TftpEnd;
}

export type TftpEnd =
  | { readonly ok: true; readonly bytes: number }
  | { readonly ok: false; readonly code: number; readonly message: string };

const NOTHING: TftpStep = {};
const DEFAULT_BLOCK = 512;

/**
 * The receiving side of one transfer (RFC 1350, 2347, 2348, 7440), without clock or socket. Feed it every packet
 * from the server's port and every timeout; it says what to send and what arrived.
 */
export class TftpReceiver {
  readonly request: TftpPacket;
  readonly #sizeOnly: boolean;
  readonly #asked: ReadonlyMap<string, number>;
  #blockBytes = DEFAULT_BLOCK;
  #window = 1;
  #inWindow = 0;
  /** Blocks received in order. */
  #blocks = 0;
  #bytes = 0;
  #answered = false;
  #acknowledged = false;
  #gapReported = false;
  #ended = false;

  /** With `sizeOnly` the transfer is aborted as soon as its size is known. */
  constructor(filename: string, options: readonly TftpOption[], sizeOnly = false) {
    this.request = { type: 'rrq', filename, mode: 'octet', options };
    this.#asked = new Map(options.map(([name, value]) => [name, Number(value)]));
    this.#sizeOnly = sizeOnly;
  }

  /** True once the server has answered: from then on only its port counts. */
  get answered(): boolean {
    return this.#answered;
  }

  receive(bytes: Uint8Array): TftpStep {
    const packet = decodeTftp(bytes);
    if (!packet || this.#ended) return NOTHING;
    switch (packet.type) {
      case 'oack':
        return this.#negotiated(packet.options);
      case 'data':
        return this.#data(packet.block, packet.payload);
      case 'error':
        return this.#end({ ok: false, code: packet.code, message: packet.message });
      default:
        return NOTHING;
    }
  }

  /** Says again what may have been lost. */
  timeout(): TftpStep {
    if (this.#ended) return NOTHING;
    this.#inWindow = 0;
    this.#gapReported = false;
    return { send: this.#acknowledged ? this.#ack() : this.request };
  }

  #negotiated(options: readonly TftpOption[]): TftpStep {
    this.#answered = true;
    // Data has come already: this is a late copy.
    if (this.#blocks > 0) return NOTHING;
    for (const [name, text] of options) {
      const [value, asked] = [Number(text), this.#asked.get(name)];
      const fits = name === 'tsize' || (value >= 1 && asked !== undefined && value <= asked);
      if (asked === undefined || !Number.isInteger(value) || !fits) return this.#refuse(`Bad option ${name}`);
      if (name === 'blksize') this.#blockBytes = value;
      if (name === 'windowsize') this.#window = value;
      if (name === 'tsize' && this.#sizeOnly) return this.#refuse('User aborted the transfer', value);
    }
    this.#acknowledged = true;
    return { send: this.#ack() };
  }

  #data(block: number, payload: Uint8Array): TftpStep {
    this.#answered = true;
    this.#acknowledged = true;
    if (block !== ((this.#blocks + 1) & 0xffff) || payload.length > this.#blockBytes)
      return this.#outOfOrder();
    if (this.#sizeOnly) return this.#refuse('User aborted the transfer', 0);
    this.#blocks++;
    this.#inWindow++;
    this.#bytes += payload.length;
    this.#gapReported = false;
    if (payload.length < this.#blockBytes) {
      const end = this.#end({ ok: true, bytes: this.#bytes });
      return { ...end, send: this.#ack(), data: payload };
    }
    if (this.#inWindow < this.#window) return { data: payload };
    this.#inWindow = 0;
    return { send: this.#ack(), data: payload };
  }

  /** A copy or a gap: acknowledge what is here, once for each window (RFC 7440 §4). */
  #outOfOrder(): TftpStep {
    if (this.#gapReported && this.#window > 1) return NOTHING;
    this.#gapReported = true;
    this.#inWindow = 0;
    return { send: this.#ack() };
  }

  #ack(): TftpPacket {
    return { type: 'ack', block: this.#blocks & 0xffff };
  }

  #refuse(message: string, size?: number): TftpStep {
    const send: TftpPacket = { type: 'error', code: TFTP_ERROR.optionsRefused, message };
    const end: TftpEnd =
      size === undefined
        ? { ok: false, code: TFTP_ERROR.optionsRefused, message }
        : { ok: true, bytes: size };
    return { ...this.#end(end), send };
  }

  #end(end: TftpEnd): TftpStep {
    this.#ended = true;
    return { end };
  }
}
