import type { Worker } from 'node:worker_threads';
import type { Clock } from '../../../base/clock.ts';
import { messageOf } from '../../../base/errors.ts';
import type { Screen } from '../screen.ts';
import { FrameBatch, framesOf } from './frame-batch.ts';
import type { FromWorker, MachineConfig, ToWorker } from './messages.ts';

/** Starts a worker with this `workerData`; a parameter, so that tests see and kill the thread. */
export type StartWorker = (config: MachineConfig) => Worker;

export interface ThreadEvents {
  /** A frame from the PC, valid during the call only. */
  frame(frame: Uint8Array): void;
  serial(data: Uint8Array): void;
  guest(wants: 'off' | 'reset'): void;
  /** The thread ended by itself, or was killed. */
  ended(reason: string): void;
}

const START_LIMIT_MS = 20_000;
const BLANK: Screen = { kind: 'blank' };

/** The main thread's end of one emulated PC. After `stop` no event comes any more. */
export class EmulatorThread {
  readonly #worker: Worker;
  #events: ThreadEvents | null;
  readonly #frames = new FrameBatch();
  #flushing = false;
  readonly #screens: ((screen: Screen) => void)[] = [];
  readonly #typed: (() => void)[] = [];
  #started: ((problem: string | null) => void) | null = null;
  #death = '';

  private constructor(worker: Worker, events: ThreadEvents) {
    this.#worker = worker;
    this.#events = events;
    worker.on('message', (message: FromWorker) => this.#hear(message));
    worker.on('error', (error) => {
      this.#death = messageOf(error);
    });
    worker.on('exit', (code) => this.#end(this.#death || `exit code ${code}`));
    // v86 reports what it does not emulate on the console; that is noise here, but must be read.
    worker.stdout.resume();
    worker.stderr.resume();
  }

  /** Resolves when the PC runs. Rejects with the reason when it can't. */
  static async start(
    startWorker: StartWorker,
    config: MachineConfig,
    events: ThreadEvents,
    clock: Clock,
  ): Promise<EmulatorThread> {
    const thread = new EmulatorThread(startWorker(config), events);
    const problem = await new Promise<string | null>((resolve) => {
      const limit = clock.after(START_LIMIT_MS, () => resolve('the emulator did not start in time'));
      thread.#started = (outcome) => {
        thread.#started = null;
        limit.cancel();
        resolve(outcome);
      };
    });
    if (problem === null) return thread;
    await thread.stop();
    throw new Error(problem);
  }

  /** Sends a frame to the PC's NIC; frames of one turn of the event loop travel together. */
  transmit(frame: Uint8Array): void {
    this.#frames.add(frame);
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      const batch = this.#frames.take();
      this.#say({ type: 'frames', batch }, [batch.buffer]);
    });
  }

  serial(data: Uint8Array): void {
    this.#say({ type: 'serial', data: data.slice() });
  }

  /** Resolves when all is typed, or the thread has ended. */
  type(text: string): Promise<void> {
    if (!this.#events) return Promise.resolve();
    return new Promise((resolve) => {
      this.#typed.push(resolve);
      this.#say({ type: 'type', text });
    });
  }

  /** Several questions at once get one answer. */
  screen(): Promise<Screen> {
    if (!this.#events) return Promise.resolve(BLANK);
    return new Promise((resolve) => {
      this.#screens.push(resolve);
      if (this.#screens.length === 1) this.#say({ type: 'screen' });
    });
  }

  /** Pulls the plug. */
  async stop(): Promise<void> {
    this.#release();
    await this.#worker.terminate();
  }

  #say(message: ToWorker, transfer: readonly ArrayBuffer[] = []): void {
    if (this.#events) this.#worker.postMessage(message, transfer);
  }

  #hear(message: FromWorker): void {
    const events = this.#events;
    if (!events) return;
    switch (message.type) {
      case 'running':
        this.#started?.(null);
        break;
      case 'failed':
        this.#started?.(message.problem);
        break;
      case 'frames':
        for (const frame of framesOf(message.batch)) events.frame(frame);
        break;
      case 'serial':
        events.serial(message.data);
        break;
      case 'guest':
        events.guest(message.wants);
        break;
      case 'typed':
        this.#typed.shift()?.();
        break;
      case 'screen':
        for (const answer of this.#screens.splice(0)) answer(message.screen);
        break;
    }
  }

  #end(reason: string): void {
    const events = this.#release();
    if (this.#started) this.#started(reason);
    else events?.ended(reason);
  }

  /** Lets go of whoever waits; returns who listened until now. */
  #release(): ThreadEvents | null {
    const events = this.#events;
    this.#events = null;
    for (const answer of this.#screens.splice(0)) answer(BLANK);
    for (const answer of this.#typed.splice(0)) answer();
    return events;
  }
}
