/** What the way out of the lab has carried and refused. */
export interface NatCounters {
  /** UDP conversations opened. */
  flows: number;
  datagramsOut: number;
  datagramsIn: number;
  /** TCP connections opened by machines. */
  connections: number;
  /** Of these, those that the world did not accept. */
  connectionsFailed: number;
  /** Packets to destinations that machines may not reach. */
  refused: number;
  /** Packets that are neither UDP nor TCP, fragments among them, and such with a source outside the lab. */
  unsupported: number;
  malformed: number;
}

export function newNatCounters(): NatCounters {
  return {
    flows: 0,
    datagramsOut: 0,
    datagramsIn: 0,
    connections: 0,
    connectionsFailed: 0,
    refused: 0,
    unsupported: 0,
    malformed: 0,
  };
}
