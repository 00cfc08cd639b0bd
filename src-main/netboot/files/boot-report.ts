import type { Ipv4, Mac } from '../../base/address.ts';
import type { BootLog } from '../../base/boot-event.ts';
import type { Clock } from '../../base/clock.ts';
import { fileRole } from './file-role.ts';

/**
 * How a transfer ended. `probed`: the client only wanted to know the size. `absent`: it asked in vain for
 * something that need not exist. `part`: a range that stops short of the file's end.
 */
export type TransferEnd = 'done' | 'part' | 'missing' | 'absent' | 'probed' | 'aborted' | 'timeout';

export interface ReportedFile {
  readonly path: string;
  readonly transport: 'tftp' | 'http';
  readonly address: Ipv4;
  readonly mac: Mac | null;
}

/** Turns file requests into boot events; files that play no part in a boot make none. */
export class BootReport {
  readonly #bootLog: BootLog;
  readonly #clock: Clock;

  constructor(bootLog: BootLog, clock: Clock) {
    this.#bootLog = bootLog;
    this.#clock = clock;
  }

  requested(file: ReportedFile): void {
    this.#emit(file, 'request', {});
  }

  missing(file: ReportedFile): void {
    this.#emit(file, fileRole(file.path)?.optional ? 'absent' : 'missing', {});
  }

  /** `bytes` were sent in `ms`; `reason` says why it is not done. */
  ended(file: ReportedFile, end: TransferEnd, bytes: number, ms: number, reason = ''): void {
    // 0.01 MB/s and 0.1 ms are as exact as a person reads.
    const rateMBps = Math.round(bytes / Math.max(ms, 0.1) / 10) / 100;
    this.#emit(file, end, {
      bytes,
      ms: Math.round(ms * 10) / 10,
      rateMBps,
      ...(reason === '' ? {} : { reason }),
    });
  }

  #emit(file: ReportedFile, step: string, detail: Record<string, string | number>): void {
    const role = fileRole(file.path);
    if (!role) return;
    const mac = file.mac ?? role.mac;
    this.#bootLog({
      at: this.#clock.wallNow(),
      ip: file.address,
      ...(mac === null ? {} : { mac }),
      phase: role.phase,
      step,
      detail: { file: file.path, transport: file.transport, ...detail },
    });
  }
}
