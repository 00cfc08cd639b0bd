/** Why a port threw a frame away. */
export type DropReason = 'runt' | 'oversize' | 'badSource' | 'loss' | 'cut' | 'backlog';

/** What a port has seen; `in` is from the device into the switch. */
export interface PortCounters {
  readonly framesIn: number;
  readonly bytesIn: number;
  readonly framesOut: number;
  readonly bytesOut: number;
  readonly dropped: Readonly<Record<DropReason, number>>;
}

/** The same while it is being counted. */
export interface RunningCounters {
  framesIn: number;
  bytesIn: number;
  framesOut: number;
  bytesOut: number;
  readonly dropped: Record<DropReason, number>;
}

export function newCounters(): RunningCounters {
  return {
    framesIn: 0,
    bytesIn: 0,
    framesOut: 0,
    bytesOut: 0,
    dropped: { runt: 0, oversize: 0, badSource: 0, loss: 0, cut: 0, backlog: 0 },
  };
}
