import type { ChildProcess } from 'node:child_process';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../../base/clock.ts';
import type { ProcessRunner } from '../../../base/process-runner.ts';
import { type Channels, stdioOf } from './channels.ts';
import { guardedCommand, type OrphanGuard } from './orphan-guard.ts';
import { QmpClient } from './qmp-client.ts';

/** How to start one QEMU. */
export interface QemuStart {
  readonly runner: ProcessRunner;
  readonly clock: Clock;
  readonly program: string;
  readonly args: readonly string[];
  readonly guard: OrphanGuard;
  /** QMP's first, then whatever else the command line names. */
  readonly channels: Channels;
  readonly onWindows: boolean;
}

const QUIT_WITHIN_MS = 3000;
const STDERR_CHARACTERS = 4096;

/** One running QEMU, from spawn to the end of its last stream. */
export class QemuProcess {
  readonly qmp: QmpClient;
  readonly streams: readonly Duplex[];
  /** Resolves with why it ended: "guest powered off", or "qemu ended: …". Never rejects. */
  readonly ended: Promise<string>;
  readonly pid: number | undefined;
  readonly #clock: Clock;
  readonly #kill: () => void;

  private constructor(
    qmp: QmpClient,
    streams: readonly Duplex[],
    ended: Promise<string>,
    clock: Clock,
    child: { pid: number | undefined; kill: () => void },
  ) {
    this.qmp = qmp;
    this.streams = streams;
    this.ended = ended;
    this.#clock = clock;
    this.pid = child.pid;
    this.#kill = child.kill;
  }

  /** Starts QEMU, its guest still paused. Rejects with its last words when it does not come up. */
  static async start(options: QemuStart): Promise<QemuProcess> {
    const { runner, clock, guard, channels, onWindows } = options;
    const { command, args } = guardedCommand(guard, options.program, options.args);
    const child = runner.spawn(command, args, {
      stdio: stdioOf(channels, guard === 'watchdog' ? 'pipe' : 'ignore'),
      // A group of its own: Ctrl-C in our terminal is ours to handle. On Windows it would leave our job.
      detached: !onWindows,
      windowsHide: true,
    });
    const kill = () => killGroup(child, onWindows);
    const stderr = keepTail(child.stderr);
    let guestPoweredOff = false;
    const closed = whenClosed(child);
    const ended = closed.then((status) =>
      guestPoweredOff ? 'guest powered off' : endReason(status, stderr()),
    );
    const died = ended.then((reason) => Promise.reject(new Error(reason)));
    // Nobody may be waiting when it dies later.
    died.catch(() => {});
    try {
      const streams = await Promise.race([channels.connect(child), died]);
      for (const stream of streams) stream.on('error', () => {});
      const [control, ...others] = streams;
      if (!control) throw new TypeError('no channel for QMP');
      const qmp = await Promise.race([QmpClient.open(control, clock), died]);
      qmp.onEvent.on(({ name, data }) => {
        if (name === 'SHUTDOWN' && data.guest === true) guestPoweredOff = true;
      });
      return new QemuProcess(qmp, others, ended, clock, { pid: child.pid, kill });
    } catch (error) {
      kill();
      // QEMU's own words explain more than the connection that they broke.
      const reason = await ended;
      throw stderr() === '' ? error : new Error(reason, { cause: error });
    } finally {
      await channels.dispose();
    }
  }

  /** Ends it: asked first so that it flushes its disks, killed when it does not listen. */
  async stop(): Promise<void> {
    const limit = this.#clock.after(QUIT_WITHIN_MS, this.#kill);
    this.qmp.execute('quit', undefined, QUIT_WITHIN_MS).catch(() => {});
    await this.ended;
    limit.cancel();
  }
}

interface EndStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** After 'close' every byte that QEMU wrote has been delivered. A program that could not start only says 'error'. */
function whenClosed(child: ChildProcess): Promise<EndStatus & { readonly error?: Error }> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: null, signal: null, error }));
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
}

function endReason({ code, signal, error }: EndStatus & { readonly error?: Error }, stderr: string): string {
  const lastLine = stderr.trimEnd().split('\n').at(-1)?.trim() ?? '';
  // The program's own name before its message says nothing to a person.
  const said = lastLine.replace(/^\S*qemu\S*: /, '');
  return `qemu ended: ${said || error?.message || (signal ? `killed by ${signal}` : `exit status ${code}`)}`;
}

function keepTail(stream: ChildProcess['stderr']): () => string {
  let text = '';
  stream?.on('data', (chunk: Uint8Array) => {
    text = (text + Buffer.from(chunk).toString('utf8')).slice(-STDERR_CHARACTERS);
  });
  return () => text;
}

/** The watchdog's shell and QEMU share a group; killing the shell alone would leave QEMU to it. */
function killGroup(child: ChildProcess, onWindows: boolean): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    if (onWindows) child.kill('SIGKILL');
    else process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}
