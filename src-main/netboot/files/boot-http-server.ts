import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { ANY_IPV4, type Ipv4, parseIpv4 } from '../../base/address.ts';
import type { BootLog } from '../../base/boot-event.ts';
import type { Clock } from '../../base/clock.ts';
import type { Disposable } from '../../base/disposable.ts';
import { messageOf } from '../../base/errors.ts';
import type { Segment, SegmentConnection } from '../../base/segment.ts';
import type { BootFiles } from '../ports.ts';
import { normalizeBootPath } from './boot-path.ts';
import { BootReport, type ReportedFile } from './boot-report.ts';
import { ConnectionGuard } from './connection-guard.ts';
import { isBelow, requestPath } from './request-path.ts';
import { sendFile } from './send-file.ts';

/** MAAS's rack controllers serve boot files here. */
const BOOT_HTTP_PORT = 5248;
const MAX_HEADER_BYTES = 8 << 10;
/** Requests that a client may send before the first is answered; boot loaders send one. */
const MAX_PIPELINED = 16;

/** Somebody else's part of the name space, such as the metadata service. */
interface HttpRoute {
  /** Path prefix: matches itself and what is below it. */
  readonly prefix: string;
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void;
}

export interface BootHttpServerOptions {
  readonly segment: Segment;
  readonly files: BootFiles;
  readonly bootLog: BootLog;
  readonly clock: Clock;
  /** Default 5248. */
  readonly port?: number;
  readonly routes?: readonly HttpRoute[];
  /** Connections at the same time; default 1,024. More are closed at once. */
  readonly maxConnections?: number;
}

interface BootHttpCounters {
  connections: number;
  /** Connections closed at once because there were too many. */
  overLimit: number;
  requests: number;
  done: number;
  missing: number;
  aborted: number;
  /** Wrong method, path or syntax. */
  refused: number;
  /** Connections ended because the client was too slow. */
  tooSlow: number;
  sentBytes: number;
}

/** A download under way, for showing. */
interface DownloadView {
  readonly address: Ipv4;
  readonly path: string;
  readonly sizeBytes: number;
  readonly sentBytes: number;
  /** Wall-clock milliseconds. */
  readonly startedAt: number;
}

export interface BootHttpServer extends Disposable {
  readonly counters: Readonly<BootHttpCounters>;
  downloads(): readonly DownloadView[];
}

/** Serves `files` and `routes` over HTTP. Resolves when the port is open; rejects with PORT_IN_USE. */
export async function startBootHttpServer(options: BootHttpServerOptions): Promise<BootHttpServer> {
  const server = new RunningBootHttpServer(options);
  await server.listen();
  return server;
}

/** One connection: how long it may take, and how many of its requests are not answered yet. */
interface Client {
  readonly guard: ConnectionGuard;
  unanswered: number;
}

class RunningBootHttpServer implements BootHttpServer {
  readonly counters: BootHttpCounters = {
    connections: 0,
    overLimit: 0,
    requests: 0,
    done: 0,
    missing: 0,
    aborted: 0,
    refused: 0,
    tooSlow: 0,
    sentBytes: 0,
  };
  readonly #options: BootHttpServerOptions;
  readonly #http: Server;
  readonly #report: BootReport;
  readonly #clients = new Map<Duplex, Client>();
  readonly #downloads = new Map<ServerResponse, DownloadView>();
  #listener: Disposable | null = null;

  constructor(options: BootHttpServerOptions) {
    this.#options = options;
    this.#report = new BootReport(options.bootLog, options.clock);
    this.#http = createServer({
      maxHeaderSize: MAX_HEADER_BYTES,
      // The guard keeps time for every kind of connection; Node's own timers only know sockets.
      headersTimeout: 0,
      requestTimeout: 0,
      keepAliveTimeout: 0,
    });
    this.#http.on('request', (request, response) => this.#receive(request, response));
    this.#http.on('clientError', (error, socket) => {
      this.counters.refused++;
      const status = hasErrorCode(error, 'HPE_HEADER_OVERFLOW')
        ? '431 Request Header Fields Too Large'
        : '400 Bad Request';
      // In the midst of an answer a status line would be taken for a part of the file.
      if (!socket.writable || (this.#clients.get(socket)?.unanswered ?? 0) > 0) socket.destroy();
      else
        socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`, () =>
          socket.destroy(),
        );
    });
  }

  async listen(): Promise<void> {
    const { segment, port = BOOT_HTTP_PORT } = this.#options;
    this.#listener = await segment.tcp(port, (connection) => this.#connect(connection));
  }

  downloads(): readonly DownloadView[] {
    return [...this.#downloads.values()];
  }

  async dispose(): Promise<void> {
    const listener = this.#listener;
    this.#listener = null;
    await listener?.dispose();
    for (const connection of this.#clients.keys()) connection.destroy();
  }

  #connect(connection: SegmentConnection): void {
    if (this.#clients.size >= (this.#options.maxConnections ?? 1024)) {
      this.counters.overLimit++;
      connection.destroy();
      return;
    }
    this.counters.connections++;
    const guard = new ConnectionGuard(this.#options.clock, () => {
      this.counters.tooSlow++;
      connection.destroy();
    });
    this.#clients.set(connection, { guard, unanswered: 0 });
    connection.once('close', () => {
      guard.dispose();
      this.#clients.delete(connection);
    });
    // A reset by the client is its right; 'close' follows.
    connection.on('error', () => {});
    this.#http.emit('connection', connection);
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    this.counters.requests++;
    const client = this.#clients.get(request.socket);
    if (!client || client.unanswered >= MAX_PIPELINED) {
      this.counters.refused++;
      request.socket.destroy();
      return;
    }
    client.unanswered++;
    client.guard.progress();
    response.once('close', () => {
      client.unanswered--;
      client.guard.idle();
    });
    // One that waits for the answers before it opens no file yet: a few bytes could have hundreds open.
    if (response.socket) this.#answer(request, response);
    else response.once('socket', () => this.#answer(request, response));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = requestPath(request.url ?? '');
    const route = path && this.#options.routes?.find(({ prefix }) => isBelow(path, prefix));
    if (route) {
      route.handle(request, response);
      return;
    }
    // What a client sends along with a request for a file is not waited for.
    if (hasBody(request)) response.setHeader('connection', 'close');
    request.resume();
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      this.#refuse(response, 405, 'Only GET and HEAD are served.');
      return;
    }
    const filePath = path === null ? null : normalizeBootPath(path);
    if (filePath === null) this.#refuse(response, 400, 'Not a path of this server.');
    else this.#serve(request, response, filePath).catch((error: unknown) => fail(response, error));
  }

  async #serve(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const { segment, files, clock, port = BOOT_HTTP_PORT } = this.#options;
    const address = parseIpv4((request.socket.remoteAddress ?? '').replace(/^::ffff:/, '')) ?? ANY_IPV4;
    const reported: ReportedFile = { path, transport: 'http', address, mac: null };
    const started = clock.now();
    // HEAD proves nothing about a boot: it only looks.
    const report = request.method === 'GET' ? this.#report : null;
    report?.requested(reported);
    const file = await files.find(path, {
      transport: 'http',
      address,
      mac: null,
      server: { address: segment.address, httpPort: port },
    });
    if (response.destroyed) return;
    if (!file) {
      this.counters.missing++;
      report?.missing(reported);
      answerText(response, 404, `There is no ${path} here.`);
      return;
    }
    const view = { address, path, sizeBytes: file.size, startedAt: clock.wallNow() };
    const guard = this.#clients.get(request.socket)?.guard;
    if (report) this.#downloads.set(response, { ...view, sentBytes: 0 });
    response.once('close', () => this.#downloads.delete(response));
    sendFile(request, response, {
      file,
      contentType: contentTypeOf(path),
      onProgress: (sentBytes) => {
        guard?.progress();
        this.#downloads.set(response, { ...view, sentBytes });
      },
      onEnd: ({ sentBytes, complete, partial, reason }) => {
        this.counters.sentBytes += sentBytes;
        this.counters[complete ? 'done' : 'aborted']++;
        const end = complete ? (partial ? 'part' : 'done') : 'aborted';
        report?.ended(reported, end, sentBytes, clock.now() - started, reason);
      },
    });
  }

  #refuse(response: ServerResponse, status: number, message: string): void {
    this.counters.refused++;
    answerText(response, status, message);
  }
}

function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent) response.destroy();
  else answerText(response, 500, messageOf(error));
}

function answerText(response: ServerResponse, status: number, message: string): void {
  const body = Buffer.from(`${message}\n`);
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': body.length,
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

function hasBody(request: IncomingMessage): boolean {
  return (
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0
  );
}

/** UEFI HTTP boot takes `application/efi` and octet streams alike; configurations are readable in a browser. */
function contentTypeOf(path: string): string {
  return /(?:\.cfg|\.cfg-[^/]*|\.ipxe|pxelinux\.cfg\/[^/]+)$/.test(path)
    ? 'text/plain; charset=utf-8'
    : 'application/octet-stream';
}

function hasErrorCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
