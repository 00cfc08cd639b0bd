import { type Cidr, cidr, contains, type Ipv4 } from '../../../base/address.ts';

/** Why a destination is not for the lab's machines. */
export type NatRefusal = 'lab' | 'special' | 'host-local';

/** What the decision depends on. */
export interface NatRules {
  /** The lab's own network: what is not there is nowhere. */
  readonly lab: Cidr;
  /** This computer's addresses: its services trust who reaches them from within. */
  readonly hostAddresses: readonly Ipv4[];
  /** Lets machines reach this computer, loopback too. For tests. */
  readonly allowHostLocal: boolean;
}

const LOOPBACK = cidr('127.0.0.0/8');
/** "This network", link-local (where clouds keep credentials), groups, and reserved with broadcast: RFC 6890. */
const SPECIAL = ['0.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '240.0.0.0/4'].map(cidr);

/** Null when a machine of the lab may talk to `destination`. */
export function natRefusal(destination: Ipv4, rules: NatRules): NatRefusal | null {
  if (contains(rules.lab, destination)) return 'lab';
  if (SPECIAL.some((network) => contains(network, destination))) return 'special';
  const local = contains(LOOPBACK, destination) || rules.hostAddresses.includes(destination);
  return local && !rules.allowHostLocal ? 'host-local' : null;
}
