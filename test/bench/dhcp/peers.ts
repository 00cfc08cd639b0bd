import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The network under test. */
export const NETWORK = {
  cidr: '10.88.0.0/16',
  server: '10.88.0.1',
  client: '10.88.0.2',
  first: '10.88.1.0',
  last: '10.88.255.250',
};

/** A DHCP server to compare: how to start it, and the rate to begin with (the highest known to be clean). */
export interface Contestant {
  readonly name: string;
  readonly program: string;
  readonly startRate: number;
  /** Writes what it needs into `folder` and returns its command line. */
  prepare(folder: string, device: string): readonly string[];
  readonly environment?: (folder: string) => Record<string, string>;
}

const rackbox = (database: (folder: string) => string): Contestant['prepare'] => {
  const program = join(import.meta.dirname, 'rackbox-server.ts');
  const { server, cidr, first, last } = NETWORK;
  return (folder) => [process.execPath, program, server, cidr, first, last, database(folder)];
};

/** By its path: npm's `dhcp` has a program of the same name. */
const DHCPD = '/usr/sbin/dhcpd';

/** Ours twice, then what Debian has. All keep leases on disk, except where the name says otherwise. */
export const CONTESTANTS: readonly Contestant[] = [
  {
    name: 'Rackbox, leases in SQLite',
    program: 'ip',
    startRate: 5000,
    prepare: rackbox((folder) => join(folder, 'rackbox.db')),
  },
  { name: 'Rackbox, leases in memory', program: 'ip', startRate: 5000, prepare: rackbox(() => 'memory') },
  {
    name: 'Kea, memfile',
    program: 'kea-dhcp4',
    startRate: 5000,
    environment: (folder) => ({ KEA_PIDFILE_DIR: folder, KEA_LOCKFILE_DIR: folder }),
    prepare(folder, device) {
      const config = {
        Dhcp4: {
          'interfaces-config': { interfaces: [device], 'dhcp-socket-type': 'udp' },
          'lease-database': {
            type: 'memfile',
            persist: true,
            name: join(folder, 'leases.csv'),
            'lfc-interval': 0,
          },
          'multi-threading': {
            'enable-multi-threading': true,
            'thread-pool-size': 2,
            'packet-queue-size': 64,
          },
          'valid-lifetime': 600,
          subnet4: [{ subnet: NETWORK.cidr, pools: [{ pool: `${NETWORK.first} - ${NETWORK.last}` }] }],
          loggers: [{ name: 'kea-dhcp4', severity: 'ERROR', output_options: [{ output: 'stderr' }] }],
        },
      };
      writeFileSync(join(folder, 'kea.json'), JSON.stringify(config));
      return ['kea-dhcp4', '-c', join(folder, 'kea.json')];
    },
  },
  {
    name: 'ISC dhcpd',
    program: DHCPD,
    startRate: 100,
    prepare(folder, device) {
      const { first, last } = NETWORK;
      const config = `authoritative; ping-check false; default-lease-time 600;
subnet 10.88.0.0 netmask 255.255.0.0 { range ${first} ${last}; }\n`;
      writeFileSync(join(folder, 'dhcpd.conf'), config);
      writeFileSync(join(folder, 'dhcpd.leases'), '');
      const file = (name: string) => join(folder, name);
      return [
        DHCPD,
        '-4',
        '-q',
        '-f',
        '-cf',
        file('dhcpd.conf'),
        '-lf',
        file('dhcpd.leases'),
        '-pf',
        file('pid'),
        device,
      ];
    },
  },
  {
    name: 'dnsmasq',
    program: 'dnsmasq',
    startRate: 100,
    prepare(folder, device) {
      const range = `--dhcp-range=${NETWORK.first},${NETWORK.last},255.255.0.0,600`;
      const leases = `--dhcp-leasefile=${join(folder, 'dnsmasq.leases')}`;
      const limits = ['--no-ping', '--dhcp-lease-max=100000'];
      return [
        'dnsmasq',
        '-k',
        '-C',
        '/dev/null',
        '-p',
        '0',
        '-u',
        'root',
        '-i',
        device,
        range,
        leases,
        ...limits,
        '--quiet-dhcp',
      ];
    },
  },
];
