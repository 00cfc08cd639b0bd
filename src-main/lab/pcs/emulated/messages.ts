import type { BootDevice, DmiIdentity } from '../pc.ts';
import type { Screen } from '../screen.ts';

/** What a worker needs to be one PC; handed over as its `workerData`. */
export interface MachineConfig {
  /** v86's code, compiled once and shared by all workers. */
  readonly wasm: WebAssembly.Module;
  readonly memoryMb: number;
  /** Null: only find out whether v86 can be used here, with no firmware and no disk. */
  readonly machine: null | {
    readonly mac: number;
    readonly firmwareFolder: string;
    readonly disks: readonly DiskFile[];
    readonly identity: DmiIdentity;
    readonly bootOrder: readonly BootDevice[];
  };
}

export interface DiskFile {
  readonly path: string;
  readonly model: string;
  readonly serial: string;
}

/** Answers to `type` and `screen` come in the order of the questions. */
export type ToWorker =
  | { readonly type: 'frames'; readonly batch: Uint8Array }
  | { readonly type: 'serial'; readonly data: Uint8Array }
  | { readonly type: 'type'; readonly text: string }
  | { readonly type: 'screen' };

export type FromWorker =
  | { readonly type: 'running' }
  /** It can't run: v86's shape, a missing file. The worker ends. */
  | { readonly type: 'failed'; readonly problem: string }
  | { readonly type: 'frames'; readonly batch: Uint8Array }
  | { readonly type: 'serial'; readonly data: Uint8Array }
  | { readonly type: 'typed' }
  | { readonly type: 'screen'; readonly screen: Screen }
  /** The guest asked for it; the emulator stands still until it is replaced or ended. */
  | { readonly type: 'guest'; readonly wants: 'off' | 'reset' };
