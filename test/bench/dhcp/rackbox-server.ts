/**
 * The DHCP server under load: our product code on a host socket. Arguments: server address, network, first and last
 * address of the pool, database file or "memory". Says "ready" when it serves.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { cidr, formatIpv4, type Ipv4, ipv4, parseIpv4 } from '../../../src-main/base/address.ts';
import { systemClock } from '../../../src-main/base/clock.ts';
import type { Segment, UdpEndpoint } from '../../../src-main/base/segment.ts';
import { openLeaseBook } from '../../../src-main/domain/networks/lease-book.ts';
import { memoryLeaseBook } from '../../../src-main/netboot/dhcp/memory-lease-book.ts';
import { startDhcpServer } from '../../../src-main/netboot/dhcp/server.ts';
import { openStore } from '../../../src-main/store/store.ts';

const [address = '', network = '', first = '', last = '', database = 'memory'] = process.argv.slice(2);

/** One unicast socket: the load comes as from a relay, so nothing else of a segment is needed. */
const segment: Segment = {
  name: 'host',
  cidr: cidr(network),
  address: ipv4(address),
  async udp(port): Promise<UdpEndpoint> {
    const socket = createSocket({
      type: 'udp4',
      recvBufferSize: 4 << 20,
      // A synchronous lookup: Node's own costs a turn of the event loop for each datagram.
      lookup: (host, _options, done) => done(null, host, 4),
    });
    // With a synchronous lookup the event comes during the call.
    const listening = once(socket, 'listening');
    socket.bind(port, address);
    await listening;
    return {
      port,
      onDatagram: (receiver) =>
        void socket.on('message', (data, from) =>
          receiver({ data, from: { address: parseIpv4(from.address) ?? (0 as Ipv4), port: from.port } }),
        ),
      send: (data, to) => socket.send(data, to.port, formatIpv4(to.address)),
      dispose: () => void socket.close(),
    };
  },
  tcp: () => Promise.reject(new Error('no TCP here')),
  probe: async () => false,
};

const leaseBook = database === 'memory' ? memoryLeaseBook() : openLeaseBook(await openStore(database));
const server = await startDhcpServer({
  segment,
  leaseBook,
  clock: systemClock,
  bootLog: () => {},
  config: {
    subnets: [{ cidr: segment.cidr, ranges: [{ first: ipv4(first), last: ipv4(last) }] }],
    probeTimeoutMs: 0,
  },
});
process.on('SIGTERM', () => {
  console.error(
    JSON.stringify({
      counters: server.counters,
      leases: server.leases().length,
      saved: leaseBook.all().length,
    }),
  );
  process.exit(0);
});
console.log('ready');
