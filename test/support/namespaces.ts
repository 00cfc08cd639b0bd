import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Network namespaces of one test, and what runs in them. Needs root; everything is gone after `dispose`. */
export class Namespaces {
  readonly #prefix: string;
  readonly #names = new Set<string>();
  readonly #children = new Set<ChildProcess>();

  constructor(purpose: string) {
    this.#prefix = `rb${purpose}${process.pid}`;
  }

  async add(name: string): Promise<void> {
    this.#names.add(name);
    await execute('ip', ['netns', 'add', this.real(name)]);
    await this.ip(name, 'link set lo up');
  }

  /** The namespace's name on this machine. */
  real(name: string): string {
    return `${this.#prefix}${name}`;
  }

  /** `ip('lab', 'addr add 10.77.0.1/24 dev br0')` */
  async ip(name: string, command: string): Promise<void> {
    await execute('ip', ['-n', this.real(name), ...command.split(' ')]);
  }

  /** Runs a program to its end, whatever its exit status. */
  run(name: string, command: string, ...args: string[]): Promise<{ stdout: string; stderr: string }> {
    return execute('ip', ['netns', 'exec', this.real(name), command, ...args]).catch(
      (error: { stdout?: string; stderr?: string }) => ({
        stdout: error.stdout ?? '',
        stderr: error.stderr ?? '',
      }),
    );
  }

  /** Starts a program and collects the lines it says. */
  start(name: string, command: string, ...args: string[]): RunningProgram {
    const child = spawn('ip', ['netns', 'exec', this.real(name), command, ...args]);
    this.#children.add(child);
    child.once('close', () => this.#children.delete(child));
    return new RunningProgram(`${command} ${args.join(' ')}`, child);
  }

  async dispose(): Promise<void> {
    const ends = [...this.#children].map(
      (child) => new Promise<void>((resolve) => child.once('close', () => resolve())),
    );
    for (const child of this.#children) child.kill('SIGKILL');
    await Promise.all(ends);
    for (const name of this.#names)
      await execute('ip', ['netns', 'del', this.real(name)]).catch(() => undefined);
  }
}

/** A program whose output a test waits on. */
export class RunningProgram {
  readonly lines: string[] = [];
  readonly child: ChildProcess;
  readonly #name: string;
  readonly #watchers = new Set<() => void>();
  #ended = false;

  constructor(name: string, child: ChildProcess) {
    this.#name = name;
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream?.setEncoding('utf8').on('data', (text: string) => {
        const parts = (rest + text).split('\n');
        rest = parts.pop() ?? '';
        this.lines.push(...parts);
        this.#wake();
      });
    }
    child.once('close', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** The first line that matches, past or future; rejects when the program ends or `withinMs` passes without one. */
  line(wanted: (line: string) => boolean, withinMs: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        clearTimeout(limit);
        this.#watchers.delete(check);
      };
      const fail = (why: string) => {
        stop();
        reject(new Error(`${this.#name}: ${why}\n${this.lines.slice(-20).join('\n')}`));
      };
      const check = () => {
        const found = this.lines.find(wanted);
        if (found !== undefined) {
          stop();
          resolve(found);
        } else if (this.#ended) fail('ended');
      };
      const limit = setTimeout(() => fail(`not said within ${withinMs} ms`), withinMs);
      this.#watchers.add(check);
      check();
    });
  }

  #wake(): void {
    for (const watch of [...this.#watchers]) watch();
  }
}
