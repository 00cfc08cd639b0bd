/** What an IP host has seen, sent and thrown away. */
export interface HostCounters {
  framesIn: number;
  framesOut: number;
  /** Frames for another host, flooded by the switch. */
  notForUs: number;
  /** Cut short, inconsistent or with a wrong checksum, by protocol. */
  malformedEthernet: number;
  malformedArp: number;
  malformedIpv4: number;
  malformedIcmp: number;
  malformedUdp: number;
  /** VLAN-tagged frames and types that nothing here speaks. */
  unknownType: number;
  /** IPv6 packets; router solicitations are answered where the host is to. */
  ignoredIpv6: number;
  /** IP packets to another address than ours. */
  misaddressed: number;
  /** IP packets from an address that no sender can have: a group, a broadcast, loopback, or ours. */
  badSources: number;
  fragments: number;
  /** Fragmented datagrams given up: inconsistent, too old, or too many at once. */
  reassemblyFailures: number;
  /** Datagrams for a UDP port that nobody has. */
  closedPorts: number;
  unknownProtocols: number;
  /** Somebody else uses our address. */
  addressConflicts: number;
  /** Packets to outside our network without a gateway. */
  noRoute: number;
  /** Packets whose next hop did not answer ARP. */
  unresolved: number;
  /** Datagrams to send that exceed what IPv4 can carry. */
  tooLong: number;
}

export function newHostCounters(): HostCounters {
  return {
    framesIn: 0,
    framesOut: 0,
    notForUs: 0,
    malformedEthernet: 0,
    malformedArp: 0,
    malformedIpv4: 0,
    malformedIcmp: 0,
    malformedUdp: 0,
    unknownType: 0,
    ignoredIpv6: 0,
    misaddressed: 0,
    badSources: 0,
    fragments: 0,
    reassemblyFailures: 0,
    closedPorts: 0,
    unknownProtocols: 0,
    addressConflicts: 0,
    noRoute: 0,
    unresolved: 0,
    tooLong: 0,
  };
}
