import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process';

/** What a finished command said. */
export interface RunResult {
  /** Exit status; null when a signal or the time limit ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Ends the program with SIGKILL; fractions are rounded up. */
  readonly timeoutMs?: number;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
}

/**
 * Starts other programs: always an argument list, never a shell. A parameter everywhere, so that
 * drivers are tested with recorded transcripts.
 */
export interface ProcessRunner {
  /** Runs to the end. Never rejects for a failing command; a missing program is code 127. */
  run(command: string, args: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Starts and leaves running. The caller ends it. */
  spawn(command: string, args: readonly string[], options?: SpawnOptions): ChildProcess;
}

export const systemRunner: ProcessRunner = {
  run(command, args, options = {}) {
    return new Promise((resolve) => {
      const child = execFile(
        command,
        [...args],
        {
          encoding: 'utf8',
          maxBuffer: 16 << 20,
          timeout: Math.ceil(options.timeoutMs ?? 0),
          killSignal: 'SIGKILL',
          ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
          ...(options.env === undefined ? {} : { env: options.env }),
        },
        (error, stdout, stderr) => {
          const failure = error as (Error & { code?: string | number | null }) | null;
          if (failure?.code === 'ENOENT') resolve({ code: 127, stdout: '', stderr: `${command}: not found` });
          else
            resolve({
              code: failure ? (typeof failure.code === 'number' ? failure.code : null) : 0,
              stdout,
              stderr,
            });
        },
      );
      if (options.input !== undefined) child.stdin?.end(options.input);
    });
  },
  spawn(command, args, options = {}) {
    return spawn(command, [...args], options);
  },
};
