import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Duplex } from 'node:stream';
import { formatIpv4, type Ipv4, parseIpv4 } from '../../../base/address.ts';

/** A UDP conversation with one remote port. */
export interface OutsideFlow {
  send(data: Uint8Array): void;
  close(): void;
}

/** The world beyond the lab, as this computer reaches it. A parameter, so that tests bring their own. */
export interface Outside {
  /** This computer's own addresses. */
  addresses(): readonly Ipv4[];
  /** Opens a TCP connection, half-open allowed; failure is its 'error' event. */
  connect(address: Ipv4, port: number): Duplex;
  /** Opens a UDP flow; only the remote's datagrams come back. `onError` ends the flow. */
  udp(address: Ipv4, port: number, onData: (data: Uint8Array) => void, onError: () => void): OutsideFlow;
}

/** Datagrams that wait for a new socket. */
const MAX_EARLY = 16;

/** By this computer's own sockets: no privileges, and its routes and VPNs hold. */
export const systemOutside: Outside = {
  addresses: () =>
    Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .map(({ address }) => parseIpv4(address))
      .filter((address) => address !== null),
  connect: (address, port) => connect({ host: formatIpv4(address), port, allowHalfOpen: true }),
  udp(address, port, onData, onError) {
    const socket = createSocket('udp4');
    const early: Uint8Array[] = [];
    let state: 'connecting' | 'open' | 'closed' = 'connecting';
    socket.on('message', onData);
    socket.on('error', onError);
    socket.connect(port, formatIpv4(address), () => {
      if (state !== 'connecting') return;
      state = 'open';
      for (const data of early.splice(0)) socket.send(data);
    });
    return {
      send(data) {
        const copy = Uint8Array.from(data);
        if (state === 'open') socket.send(copy);
        else if (state === 'connecting' && early.length < MAX_EARLY) early.push(copy);
      },
      close() {
        if (state === 'closed') return;
        state = 'closed';
        socket.close();
      },
    };
  },
};
