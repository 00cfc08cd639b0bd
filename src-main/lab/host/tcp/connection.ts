import { Duplex } from 'node:stream';
import { formatIpv4 } from '../../../base/address.ts';
import type { Clock } from '../../../base/clock.ts';
import type { ConnectionUser, ControlBlock } from './control-block.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import type { Flow } from './flow-table.ts';
import { KeepAlive } from './keep-alive.ts';
import { ReceiveBatch } from './receive-batch.ts';
import { SendBuffer } from './send-buffer.ts';

type Callback = (error?: Error | null) => void;

/** A Node-style error of a connection, with `code`, `syscall`, `address` and `port`. */
function connectionError(code: string, syscall: string, flow: Flow): NodeJS.ErrnoException {
  const address = formatIpv4(flow.remoteAddress);
  const text = `${syscall} ${code} ${address}:${flow.remotePort}`;
  return Object.assign(new Error(text), { code, syscall, address, port: flow.remotePort });
}

/** How a connection comes to its control block, or gives up the wish for one. */
export interface Opening {
  stop(): void;
}

export interface TcpConnectionOptions {
  readonly clock: Clock;
  readonly sendBufferBytes: number;
  readonly receiveBufferBytes: number;
}

/** A write is taken up again when so much of the buffer is free: not for every ACK. */
const WORTHWHILE_ROOM = 1 / 8;
const DEFAULT_KEEP_ALIVE_MS = 7_200_000;

/**
 * A TCP connection as a stream, with what Node's `http` expects of a socket. `end` half-closes; `finish` comes when
 * the peer has acknowledged everything. `destroy` is as a kernel's close(2): what the send buffer took still arrives,
 * then a FIN; but it resets when it cuts off a write or something is unread. `resetAndDestroy` always resets.
 */
export class TcpConnection extends Duplex {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly remoteFamily = 'IPv4';
  readonly localAddress: string;
  readonly localPort: number;
  readonly localFamily = 'IPv4';
  bytesRead = 0;
  bytesWritten = 0;
  /** Idle limit in milliseconds, 0 for none; see {@link setTimeout}. */
  timeout = 0;
  readonly #flow: Flow;
  readonly #clock: Clock;
  readonly #buffer: SendBuffer;
  readonly #idleTimer: DeadlineTimer;
  readonly #arrived = new ReceiveBatch((chunk) => this.push(chunk));
  #opening: Opening | null = null;
  #block: ControlBlock | null = null;
  #keepAlive: KeepAlive | null = null;
  #keepAliveMs: number | null = null;
  #unwritten: Uint8Array[] = [];
  #unwrittenFrom = 0;
  #onWritten: Callback | null = null;
  #onFinished: Callback | null = null;
  #reset = false;

  /** Made by a stack, which then calls {@link adopt}. */
  constructor(flow: Flow, options: TcpConnectionOptions) {
    super({
      allowHalfOpen: true,
      readableHighWaterMark: Math.ceil(options.receiveBufferBytes / 2),
      writableHighWaterMark: Math.min(options.sendBufferBytes, 64 << 10),
    });
    this.#flow = flow;
    this.#clock = options.clock;
    this.#buffer = new SendBuffer(options.sendBufferBytes);
    this.#idleTimer = new DeadlineTimer(options.clock, () => this.emit('timeout'));
    this.remoteAddress = formatIpv4(flow.remoteAddress);
    this.remotePort = flow.remotePort;
    this.localAddress = formatIpv4(flow.localAddress);
    this.localPort = flow.localPort;
  }

  /** True until the peer accepted. */
  get connecting(): boolean {
    return this.#block === null && !this.destroyed;
  }

  get pending(): boolean {
    return this.#block === null;
  }

  get bufferSize(): number {
    return this.writableLength;
  }

  get readyState(): 'opening' | 'open' | 'readOnly' | 'writeOnly' | 'closed' {
    if (this.connecting) return 'opening';
    if (this.readable) return this.writable ? 'open' : 'readOnly';
    return this.writable ? 'writeOnly' : 'closed';
  }

  address(): { address: string; port: number; family: string } {
    return { address: this.localAddress, port: this.localPort, family: this.localFamily };
  }

  /** Emits 'timeout' after `ms` without traffic; 0 turns it off. */
  setTimeout(ms: number, onTimeout?: () => void): this {
    this.timeout = ms;
    if (onTimeout) {
      if (ms === 0) this.removeListener('timeout', onTimeout);
      else this.once('timeout', onTimeout);
    }
    if (ms === 0) this.#idleTimer.clear();
    else this.#active();
    return this;
  }

  /** Data always leaves at once. */
  setNoDelay(): this {
    return this;
  }

  setKeepAlive(enable = false, initialDelayMs = 0): this {
    this.#keepAliveMs = enable ? initialDelayMs || DEFAULT_KEEP_ALIVE_MS : null;
    this.#startKeepAlive();
    return this;
  }

  /** A connection of the lab doesn't keep the process alive by itself: these do nothing. */
  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  /** Ends the writing side and destroys the stream once the peer has everything. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', this.destroy);
  }

  /** Destroys with a reset, whatever is on the way. */
  resetAndDestroy(): this {
    this.#reset = true;
    return this.destroy();
  }

  /** For the stack: the connection is being opened. */
  wait(opening: Opening): void {
    this.#opening = opening;
  }

  /** For the stack: the connection is open. `make` gets what the control block needs of it. */
  adopt(make: (buffer: SendBuffer, user: ConnectionUser) => ControlBlock): ControlBlock {
    const block = make(this.#buffer, this.#user());
    this.#opening = null;
    this.#block = block;
    this.#startKeepAlive();
    return block;
  }

  /** For the stack: the handshake is complete; what was written meanwhile leaves. */
  connected(): void {
    this.#block?.flush();
    if (this.#onFinished) this.#block?.close();
    // On the lab's switch the answer may come inside `connect`, before anybody could listen.
    process.nextTick(() => {
      if (this.destroyed) return;
      this.emit('connect');
      this.emit('ready');
    });
  }

  /** For the stack: the connection can't be opened. */
  refuse(code: string): void {
    this.#opening = null;
    this.destroy(connectionError(code, 'connect', this.#flow));
  }

  /** Any read may open the window; `_read` is not called again before the next push. */
  override read(size?: number): Buffer | null {
    const chunk: Buffer | null = super.read(size);
    if (chunk !== null) this.#block?.readerDrained();
    return chunk;
  }

  override _read(): void {
    this.#block?.readerDrained();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    this.#take([chunk], callback);
  }

  override _writev(items: { chunk: Buffer }[], callback: Callback): void {
    this.#take(
      items.map(({ chunk }) => chunk),
      callback,
    );
  }

  override _final(callback: Callback): void {
    if (this.#block?.state === 'CLOSED') return void callback();
    this.#onFinished = callback;
    this.#block?.close();
  }

  override _destroy(error: Error | null, callback: Callback): void {
    this.#idleTimer.stop();
    this.#keepAlive?.stop();
    this.#opening?.stop();
    const block = this.#block;
    if (block) {
      // As with a kernel's close(2): what was taken over still goes out. What gets lost must not look complete.
      const unwritten = this.#onWritten !== null || this.writableLength > 0;
      if (this.#reset || this.#unread > 0 || unwritten) block.abort();
      else block.detach();
    }
    const reason = error ?? connectionError('ECANCELED', 'write', this.#flow);
    this.#unwritten = [];
    const waiting = [this.#onWritten, this.#onFinished];
    this.#onWritten = null;
    this.#onFinished = null;
    for (const resolve of waiting) resolve?.(reason);
    callback(error);
  }

  /** Bytes that arrived and were not read. */
  get #unread(): number {
    return this.readableLength + this.#arrived.length;
  }

  #take(chunks: Uint8Array[], callback: Callback): void {
    this.#unwritten = chunks;
    this.#unwrittenFrom = 0;
    this.#onWritten = callback;
    this.#pump();
    this.#active();
    this.#block?.flush();
  }

  /** Moves what was written into the send buffer, as far as there is room. */
  #pump(): void {
    let done = 0;
    for (const chunk of this.#unwritten) {
      const taken = this.#buffer.append(chunk, this.#unwrittenFrom);
      this.bytesWritten += taken;
      this.#unwrittenFrom += taken;
      if (this.#unwrittenFrom < chunk.length) break;
      this.#unwrittenFrom = 0;
      done++;
    }
    if (done < this.#unwritten.length) {
      this.#unwritten = this.#unwritten.slice(done);
      return;
    }
    this.#unwritten = [];
    const written = this.#onWritten;
    this.#onWritten = null;
    written?.();
  }

  #user(): ConnectionUser {
    return {
      unread: () => this.#unread,
      deliver: (data) => {
        this.bytesRead += data.length;
        this.#active();
        this.#arrived.add(data);
      },
      ended: () => {
        this.#arrived.flush();
        this.push(null);
        // 'end' is told even when nobody reads, if there is nothing to read: as Node's sockets do.
        if (this.readableLength === 0) this.read(0);
      },
      writable: () => {
        this.#active();
        if (this.#onWritten !== null && this.#buffer.room >= this.#buffer.limit * WORTHWHILE_ROOM)
          this.#pump();
      },
      finished: () => {
        const finished = this.#onFinished;
        this.#onFinished = null;
        finished?.();
      },
      failed: (failure) => {
        this.#arrived.flush();
        this.destroy(connectionError(failure, 'read', this.#flow));
      },
    };
  }

  #startKeepAlive(): void {
    this.#keepAlive?.stop();
    this.#keepAlive = null;
    if (this.#keepAliveMs !== null && this.#block !== null && !this.destroyed)
      this.#keepAlive = new KeepAlive(this.#clock, this.#block, this.#keepAliveMs);
  }

  /** There was traffic: the idle limit starts anew. */
  #active(): void {
    if (this.timeout === 0 || this.destroyed) return;
    const now = this.#clock.now();
    this.#idleTimer.set(now + this.timeout, now);
  }
}
