import { Duplex } from 'node:stream';
import { createMetadataHandler } from '../../src-main/api/metadata/metadata-handler.ts';
import { cidr, ipv4 } from '../../src-main/base/address.ts';
import { ManualClock } from '../../src-main/base/clock.ts';
import type { Segment, SegmentConnection } from '../../src-main/base/segment.ts';
import { type BootHttpServer, startBootHttpServer } from '../../src-main/netboot/files/boot-http-server.ts';
import { bufferFile } from '../../src-main/netboot/files/buffer-file.ts';
import type { BootFile } from '../../src-main/netboot/ports.ts';

const MAX_CONNECTIONS = 32;
export const SERVER = { address: ipv4('10.77.0.1'), httpPort: 5248 };
const CONTENT = 'c'.repeat(100_000);

/** The client's end of a connection in memory; `open` is false once the server is done with it. */
export class Client {
  readonly remoteAddress = '10.77.0.9';
  open = true;
  received = '';
  readonly #served: Duplex;
  /** The server may send so much more before it has to wait. */
  #window = 1 << 20;
  #waiting: (() => void) | null = null;

  constructor(accept: (connection: SegmentConnection) => void, patient: boolean) {
    if (!patient) this.#window = 40_000;
    this.#served = new Duplex({
      read() {},
      write: (chunk: Buffer, _encoding, done) => {
        this.received += chunk.toString('latin1', 0, 400);
        this.#window -= chunk.length;
        if (this.#window > 0) done();
        else this.#waiting = done;
      },
    });
    this.#served.once('close', () => {
      this.open = false;
    });
    accept(Object.assign(this.#served, { remoteAddress: this.remoteAddress }));
  }

  send(text: string): void {
    if (this.open) this.#served.push(Buffer.from(text, 'latin1'));
  }

  take(): void {
    this.#window = 1 << 20;
    this.#waiting?.();
    this.#waiting = null;
  }

  /** Half-closes. */
  end(): void {
    if (this.open) this.#served.push(null);
  }

  reset(): void {
    this.#served.destroy(new Error('ECONNRESET'));
  }
}

/** The boot HTTP server with its metadata service, reached through connections in memory. */
export class BootHttpRig {
  readonly clock = new ManualClock();
  readonly wanted: string[] = [];
  openFiles = 0;
  events = 0;
  server!: BootHttpServer;
  #accept: (connection: SegmentConnection) => void = () => {};

  async start(): Promise<this> {
    const segment: Segment = {
      name: 'memory',
      cidr: cidr('10.77.0.0/24'),
      address: SERVER.address,
      udp: () => Promise.reject(new Error('no UDP here')),
      tcp: async (_port, accept) => {
        this.#accept = accept;
        return { dispose: () => undefined };
      },
      probe: async () => false,
    };
    const bootLog = () => void this.events++;
    const { clock } = this;
    this.server = await startBootHttpServer({
      segment,
      clock,
      bootLog,
      maxConnections: MAX_CONNECTIONS,
      files: { find: async (path) => this.#find(path) },
      routes: [
        { prefix: '/MAAS/metadata', handle: createMetadataHandler({ server: SERVER, bootLog, clock }) },
      ],
    });
    return this;
  }

  connect(patient = true): Client {
    return new Client((connection) => this.#accept(connection), patient);
  }

  #find(path: string): BootFile | null {
    this.wanted.push(path);
    if (path.includes('empty')) return bufferFile('');
    if (!path.includes('boot')) return null;
    const file = bufferFile(CONTENT);
    return {
      size: file.size,
      open: (start, end) => {
        this.openFiles++;
        return file.open(start, end).once('close', () => this.openFiles--);
      },
    };
  }
}
