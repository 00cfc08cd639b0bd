/** What a stack has seen since it was made. */
export interface TcpCounters {
  segmentsIn: number;
  segmentsOut: number;
  badChecksums: number;
  /** Too short, a wrong header length, or sent to a broadcast address. */
  malformed: number;
  retransmits: number;
  rtos: number;
  /** Tail loss probes, RFC 8985 §7. */
  tailProbes: number;
  fastRecoveries: number;
  duplicateAcks: number;
  zeroWindowProbes: number;
  outOfOrder: number;
  /** Segments whose data had all arrived before. */
  duplicates: number;
  resetsIn: number;
  resetsOut: number;
  /** RFC 5961. */
  challengeAcks: number;
  /** Connections opened by us. */
  opened: number;
  /** Connections opened by peers. */
  accepted: number;
  /** SYNs to ports where nobody listens. */
  refused: number;
  /** SYNs dropped or half-open connections forgotten because of a limit. */
  overflows: number;
  timeouts: number;
}

export function newTcpCounters(): TcpCounters {
  return {
    segmentsIn: 0,
    segmentsOut: 0,
    badChecksums: 0,
    malformed: 0,
    retransmits: 0,
    rtos: 0,
    tailProbes: 0,
    fastRecoveries: 0,
    duplicateAcks: 0,
    zeroWindowProbes: 0,
    outOfOrder: 0,
    duplicates: 0,
    resetsIn: 0,
    resetsOut: 0,
    challengeAcks: 0,
    opened: 0,
    accepted: 0,
    refused: 0,
    overflows: 0,
    timeouts: 0,
  };
}
