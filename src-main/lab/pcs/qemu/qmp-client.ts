import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '../../../base/clock.ts';
import { type Disposable, Signal } from '../../../base/disposable.ts';
import { rackboxError } from '../../../base/error-catalogue.ts';
import { encodeQmpCommand, QmpLineReader, type QmpMessage } from './qmp-lines.ts';

export interface QmpEvent {
  /** "SHUTDOWN", "RESET", "POWERDOWN", "STOP", … */
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Pending {
  readonly command: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly limit: Timer;
}

const ANSWER_WITHIN_MS = 10_000;

/**
 * Speaks QMP with one QEMU. Commands may overlap: answers are matched by id.
 * @example
 * const qmp = await QmpClient.open(stream, systemClock);
 * await qmp.execute('system_reset');
 */
export class QmpClient implements Disposable {
  readonly onEvent = new Signal<QmpEvent>();
  readonly counters = { garbage: 0, unmatched: 0 };
  readonly #stream: Duplex;
  readonly #clock: Clock;
  readonly #pending = new Map<number, Pending>();
  readonly #lines = new QmpLineReader();
  #nextId = 1;
  #closed = false;
  #greeted: (version: string) => void = () => {};

  private constructor(stream: Duplex, clock: Clock) {
    this.#stream = stream;
    this.#clock = clock;
    stream.on('data', (chunk: Uint8Array) => {
      for (const message of this.#lines.push(chunk)) this.#receive(message);
    });
    stream.on('error', () => this.#close());
    stream.on('close', () => this.#close());
    stream.on('end', () => this.#close());
  }

  /** Waits for the greeting and leaves capabilities negotiation. Rejects with PROCESS_FAILED when QEMU stays mute. */
  static async open(stream: Duplex, clock: Clock, withinMs = ANSWER_WITHIN_MS): Promise<QmpClient> {
    const client = new QmpClient(stream, clock);
    try {
      await client.#wait('greeting', withinMs, (id) => {
        client.#greeted = (version) => client.#settle(id)?.resolve(version);
      });
      await client.execute('qmp_capabilities', undefined, withinMs);
      return client;
    } catch (error) {
      client.dispose();
      throw error;
    }
  }

  /** Runs a command; rejects with PROCESS_FAILED for QEMU's error, no answer in time, or a closed connection. */
  execute(
    command: string,
    args?: Readonly<Record<string, unknown>>,
    withinMs = ANSWER_WITHIN_MS,
  ): Promise<unknown> {
    return this.#wait(command, withinMs, (id) => this.#stream.write(encodeQmpCommand(id, command, args)));
  }

  dispose(): void {
    this.#close();
    this.#stream.destroy();
  }

  #wait(command: string, withinMs: number, start: (id: number) => void): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(failed(command, 'the connection to QEMU is closed'));
      const id = this.#nextId++;
      const limit = this.#clock.after(withinMs, () =>
        this.#settle(id)?.reject(failed(command, `no answer in ${withinMs} ms`)),
      );
      this.#pending.set(id, { command, resolve, reject, limit });
      start(id);
    });
  }

  #settle(id: number): Pending | null {
    const pending = this.#pending.get(id);
    if (!pending) return null;
    this.#pending.delete(id);
    pending.limit.cancel();
    return pending;
  }

  #receive(message: QmpMessage | null): void {
    if (!message) this.counters.garbage++;
    else if (message.kind === 'greeting') this.#greeted(message.version);
    else if (message.kind === 'event') this.onEvent.emit({ name: message.name, data: message.data });
    else this.#answer(message);
  }

  #answer(message: Extract<QmpMessage, { kind: 'return' | 'error' }>): void {
    const pending = message.id === null ? null : this.#settle(message.id);
    if (!pending) this.counters.unmatched++;
    else if (message.kind === 'return') pending.resolve(message.value);
    else pending.reject(failed(pending.command, message.desc));
  }

  #close(): void {
    this.#closed = true;
    for (const id of [...this.#pending.keys()]) {
      const pending = this.#settle(id);
      pending?.reject(failed(pending.command, 'QEMU closed the connection'));
    }
  }
}

function failed(command: string, problem: string): Error {
  return rackboxError('PROCESS_FAILED', {
    command: `QEMU command ${command}`,
    problem,
    hint: 'Switch the PC off and on again.',
  });
}
