import type { Peer } from '../../base/segment.ts';

export interface TftpCounters {
  requests: number;
  done: number;
  missing: number;
  probed: number;
  aborted: number;
  timeouts: number;
  /** The file could not be read, or no port was free. */
  failed: number;
  /** Writing, an unknown mode, or a path that leads out. */
  refused: number;
  /** Requests dropped because of the limits on transfers. */
  overLimit: number;
  /** Requests repeated while they were being served. */
  duplicates: number;
  malformed: number;
  /** Datagrams to a transfer's port from somebody else. */
  strangers: number;
  sentBytes: number;
  repeatedBlocks: number;
}

/** A transfer under way, for showing. */
export interface TransferView {
  readonly client: Peer;
  readonly path: string;
  readonly sizeBytes: number;
  readonly ackedBytes: number;
  readonly blockSize: number;
  readonly windowSize: number;
  /** Wall-clock milliseconds. */
  readonly startedAt: number;
}

export function newTftpCounters(): TftpCounters {
  return {
    requests: 0,
    done: 0,
    missing: 0,
    probed: 0,
    aborted: 0,
    timeouts: 0,
    failed: 0,
    refused: 0,
    overLimit: 0,
    duplicates: 0,
    malformed: 0,
    strangers: 0,
    sentBytes: 0,
    repeatedBlocks: 0,
  };
}
