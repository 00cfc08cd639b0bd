import type { BootLog } from '../../base/boot-event.ts';
import type { Clock } from '../../base/clock.ts';
import type { Disposable } from '../../base/disposable.ts';
import { messageOf } from '../../base/errors.ts';
import type { Datagram, Peer, Segment, UdpEndpoint } from '../../base/segment.ts';
import { decodeTftp, encodeTftp, TFTP_ERROR, type TftpPacket } from '../../protocol/tftp.ts';
import { normalizeBootPath } from '../files/boot-path.ts';
import { BootReport, type ReportedFile, type TransferEnd } from '../files/boot-report.ts';
import type { BootFile, BootFiles } from '../ports.ts';
import { netasciiFile } from './netascii.ts';
import { ETHERNET_BLOCK_SIZE, MAX_WINDOW_SIZE, negotiate } from './options.ts';
import { newTftpCounters, type TftpCounters, type TransferView } from './tftp-counters.ts';
import { TftpTransfer, type TransferOutcome } from './transfer.ts';

const TFTP_PORT = 69;
/** Netascii takes a pass over the whole file before the first block. */
const MAX_NETASCII_BYTES = 16 << 20;

export interface TftpServerOptions {
  readonly segment: Segment;
  readonly files: BootFiles;
  readonly bootLog: BootLog;
  readonly clock: Clock;
  /** Where the boot HTTP server listens: baked into the configurations that clients get. */
  readonly httpPort: number;
  /** 69 unless a test needs another. */
  readonly port?: number;
  /** Largest block agreed to; default 1,468 bytes, what an Ethernet frame holds. */
  readonly maxBlockSize?: number;
  /** Most blocks in flight; default 64. */
  readonly maxWindowSize?: number;
  /** Transfers at the same time; default 512 in all, 16 for one address. */
  readonly maxTransfers?: number;
  readonly maxTransfersPerClient?: number;
}

export interface TftpServer extends Disposable {
  readonly counters: Readonly<TftpCounters>;
  transfers(): readonly TransferView[];
}

type ReadRequest = Extract<TftpPacket, { type: 'rrq' | 'wrq' }>;

interface Session {
  readonly peer: Peer;
  /** The request as it came, to tell a repeat from the next file. */
  readonly request: string;
  readonly path: string;
  readonly startedAt: number;
  readonly startedNow: number;
  stopped: boolean;
  file: BootFile | null;
  transfer: TftpTransfer | null;
  blockSize: number;
  windowSize: number;
}

/** How each outcome is counted and told. */
const OUTCOMES = {
  done: { counter: 'done', step: 'done' },
  probed: { counter: 'probed', step: 'probed' },
  aborted: { counter: 'aborted', step: 'aborted' },
  timeout: { counter: 'timeouts', step: 'timeout' },
  failed: { counter: 'failed', step: 'aborted' },
  stopped: { counter: 'aborted', step: 'aborted' },
} as const satisfies Record<TransferOutcome['end'], { counter: keyof TftpCounters; step: TransferEnd }>;

/** Serves `files` by TFTP, read only. Resolves when the port is open; rejects with PORT_IN_USE. */
export async function startTftpServer(options: TftpServerOptions): Promise<TftpServer> {
  const endpoint = await options.segment.udp(options.port ?? TFTP_PORT);
  return new RunningTftpServer(options, endpoint);
}

class RunningTftpServer implements TftpServer {
  readonly counters = newTftpCounters();
  readonly #options: TftpServerOptions;
  readonly #endpoint: UdpEndpoint;
  readonly #report: BootReport;
  /** By client address and port: a client has one transfer on a port at a time. */
  readonly #sessions = new Map<number, Session>();
  #disposed = false;

  constructor(options: TftpServerOptions, endpoint: UdpEndpoint) {
    this.#options = options;
    this.#endpoint = endpoint;
    this.#report = new BootReport(options.bootLog, options.clock);
    endpoint.onDatagram((datagram) => this.#receive(datagram));
  }

  transfers(): readonly TransferView[] {
    return [...this.#sessions.values()].map((session) => ({
      client: session.peer,
      path: session.path,
      sizeBytes: session.file?.size ?? 0,
      ackedBytes: session.transfer?.ackedBytes ?? 0,
      blockSize: session.blockSize,
      windowSize: session.windowSize,
      startedAt: session.startedAt,
    }));
  }

  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const session of this.#sessions.values()) this.#stop(session, true);
    this.#sessions.clear();
    await this.#endpoint.dispose();
  }

  #receive({ data, from }: Datagram): void {
    if (this.#disposed) return;
    const packet = decodeTftp(data);
    switch (packet?.type) {
      case 'rrq':
        this.counters.requests++;
        this.#read(packet, { ...from }, Buffer.from(data).toString('latin1'));
        break;
      case 'wrq':
        this.counters.refused++;
        this.#refuse(from, TFTP_ERROR.accessViolation, 'This server is read only');
        break;
      case undefined:
        this.counters.malformed++;
        this.#refuse(from, TFTP_ERROR.illegalOperation, 'Not a TFTP request');
        break;
      default:
        // ACK, DATA and ERROR for a transfer that is over: RFC 1350 §4 asks for no answer to a stray ERROR, and
        // answering a stray ACK would only disturb a client that already has its file.
        this.counters.strangers++;
    }
  }

  #read(packet: ReadRequest, peer: Peer, request: string): void {
    const key = peer.address * 0x10000 + peer.port;
    const present = this.#sessions.get(key);
    if (present && present.request === request && !this.#hasFallenSilent(present)) {
      this.counters.duplicates++;
      return;
    }
    // The same port with another request: the client has moved on and its ERROR was lost.
    if (present) this.#remove(key, present);
    const path = this.#acceptablePath(packet, peer);
    if (path === null || !this.#withinLimits(peer)) return;
    const session: Session = {
      peer,
      request,
      path,
      startedAt: this.#options.clock.wallNow(),
      startedNow: this.#options.clock.now(),
      stopped: false,
      file: null,
      transfer: null,
      blockSize: 0,
      windowSize: 0,
    };
    this.#sessions.set(key, session);
    this.#report.requested(reported(session));
    this.#open(key, session, packet).catch((error: unknown) => {
      if (session.stopped) return;
      this.#remove(key, session);
      this.counters.failed++;
      this.#refuse(peer, TFTP_ERROR.undefined, 'The file cannot be sent now');
      this.#report.ended(reported(session), 'aborted', 0, this.#elapsed(session), messageOf(error));
    });
  }

  /** A request repeated word for word after a pause comes from a machine that was reset: it starts anew. */
  #hasFallenSilent(session: Session): boolean {
    return session.transfer?.isSilentAt(this.#options.clock.now()) ?? false;
  }

  #acceptablePath(packet: ReadRequest, peer: Peer): string | null {
    const path = normalizeBootPath(packet.filename);
    if (path !== null && (packet.mode === 'octet' || packet.mode === 'netascii')) return path;
    this.counters.refused++;
    if (path === null) this.#refuse(peer, TFTP_ERROR.accessViolation, 'Not a path of this server');
    else this.#refuse(peer, TFTP_ERROR.illegalOperation, 'Only octet and netascii are served');
    return null;
  }

  /** Beyond the limits requests are dropped without a word: the client asks again, when there may be room. */
  #withinLimits(peer: Peer): boolean {
    const { maxTransfers = 512, maxTransfersPerClient = 16 } = this.#options;
    let ofClient = 0;
    for (const session of this.#sessions.values()) if (session.peer.address === peer.address) ofClient++;
    if (this.#sessions.size < maxTransfers && ofClient < maxTransfersPerClient) return true;
    this.counters.overLimit++;
    return false;
  }

  async #open(key: number, session: Session, { mode, options }: ReadRequest): Promise<void> {
    const { segment, files, clock, httpPort } = this.#options;
    const { peer, path } = session;
    const found = await files.find(path, {
      transport: 'tftp',
      address: peer.address,
      mac: peer.mac ?? null,
      server: { address: segment.address, httpPort },
    });
    if (session.stopped) return;
    if (!found) {
      this.#remove(key, session);
      this.counters.missing++;
      this.#refuse(peer, TFTP_ERROR.fileNotFound, 'File not found');
      this.#report.missing(reported(session));
      return;
    }
    if (mode === 'netascii' && found.size > MAX_NETASCII_BYTES) {
      this.#remove(key, session);
      this.counters.refused++;
      this.#refuse(peer, TFTP_ERROR.illegalOperation, 'Files this large are only served in octet mode');
      return;
    }
    const file = mode === 'netascii' ? await netasciiFile(found) : found;
    const endpoint = await segment.udp(0);
    if (session.stopped) {
      await endpoint.dispose();
      return;
    }
    const { maxBlockSize = ETHERNET_BLOCK_SIZE, maxWindowSize = MAX_WINDOW_SIZE } = this.#options;
    const negotiated = negotiate(options, file.size, { maxBlockSize, maxWindowSize });
    session.file = file;
    session.blockSize = negotiated.blockSize;
    session.windowSize = negotiated.windowSize;
    session.transfer = new TftpTransfer({
      endpoint,
      peer,
      file,
      negotiated,
      clock,
      onEnd: (outcome) => this.#ended(key, session, outcome),
      onStranger: () => this.counters.strangers++,
    });
    session.transfer.start();
  }

  #ended(key: number, session: Session, outcome: TransferOutcome): void {
    if (this.#sessions.get(key) === session) this.#sessions.delete(key);
    const bytes = outcome.end === 'done' ? (session.file?.size ?? 0) : (session.transfer?.ackedBytes ?? 0);
    this.counters.sentBytes += bytes;
    this.counters.repeatedBlocks += session.transfer?.repeatedBlocks ?? 0;
    const ms = this.#elapsed(session);
    const { counter, step } = OUTCOMES[outcome.end];
    this.counters[counter]++;
    this.#report.ended(reported(session), step, bytes, ms, 'reason' in outcome ? outcome.reason : '');
  }

  #remove(key: number, session: Session): void {
    this.#sessions.delete(key);
    this.#stop(session, false);
  }

  #stop(session: Session, tell: boolean): void {
    session.stopped = true;
    session.transfer?.stop(tell);
  }

  #elapsed(session: Session): number {
    return this.#options.clock.now() - session.startedNow;
  }

  #refuse(to: Peer, code: number, message: string): void {
    this.#endpoint.send(encodeTftp({ type: 'error', code, message }), to);
  }
}

function reported(session: Session): ReportedFile {
  const { path, peer } = session;
  return { path, transport: 'tftp', address: peer.address, mac: peer.mac ?? null };
}
