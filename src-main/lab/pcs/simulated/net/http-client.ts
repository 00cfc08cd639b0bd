import {
  Agent,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
} from 'node:http';
import type { Duplex } from 'node:stream';
import { parseIpv4 } from '../../../../base/address.ts';
import type { Clock, Timer } from '../../../../base/clock.ts';
import { messageOf } from '../../../../base/errors.ts';
import type { NicStack } from './nic-device.ts';

export interface HttpRequest {
  readonly url: string;
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  /** Longest silence. */
  readonly timeoutMs?: number;
  /** Gets the body piece by piece; without it the body is collected, up to `maxBytes`. */
  readonly onData?: (data: Uint8Array) => void;
  readonly maxBytes?: number;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
  /** Body length as it came. */
  readonly bytes: number;
}

export type HttpResult = HttpResponse | { readonly problem: string };

const MOST_COLLECTED = 16 << 20;
const LONGEST_SILENCE_MS = 20_000;

/** HTTP/1.1 over a simulated PC's own TCP, with connections kept alive. Host names are not resolved. */
export class HttpClient {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #agent: StackAgent;
  readonly #headers: Readonly<Record<string, string>>;

  /** `headers` go into each request, in this order, as the program that asks sends them. */
  constructor(
    stack: NicStack,
    clock: Clock,
    signal: AbortSignal,
    headers: Readonly<Record<string, string>> = {},
  ) {
    this.#clock = clock;
    this.#signal = signal;
    this.#agent = new StackAgent(stack);
    this.#headers = headers;
  }

  /** Sends one request. Failures are a `problem` in words; rejects only when the power goes. */
  fetch(wanted: HttpRequest): Promise<HttpResult> {
    return new Promise((resolve, reject) => {
      if (this.#signal.aborted) return reject(this.#signal.reason);
      const url = URL.parse(wanted.url);
      if (url?.protocol !== 'http:' || parseIpv4(url.hostname) === null)
        return resolve({ problem: `cannot fetch ${wanted.url}` });
      const headers = { ...this.#headers, Host: url.host, ...wanted.headers };
      const method = wanted.method ?? 'GET';
      const outgoing = request(url, { agent: this.#agent, method, headers, setHost: false });
      const transfer = new Transfer(outgoing, wanted, this.#clock, (result) => {
        this.#signal.removeEventListener('abort', onAbort);
        resolve(result);
      });
      const onAbort = () => {
        transfer.fail('no power');
        reject(this.#signal.reason);
      };
      this.#signal.addEventListener('abort', onAbort, { once: true });
      outgoing.end(wanted.body);
    });
  }

  /** Closes the connections kept open. */
  close(): void {
    this.#agent.destroy();
  }
}

class StackAgent extends Agent {
  readonly #stack: NicStack;

  constructor(stack: NicStack) {
    super({ keepAlive: true, maxFreeSockets: 4 });
    this.#stack = stack;
  }

  override createConnection(options: { host?: string | null; port?: number | string | null }): Duplex {
    const address = parseIpv4(options.host ?? '');
    return this.#stack.tcp.connect(address ?? this.#stack.ip.address, Number(options.port ?? 80));
  }

  /** Node would turn TCP's keep-alive on; what firmware leaves open is quiet. */
  override keepSocketAlive(): boolean {
    return true;
  }
}

/** One request on its way, and the silence it is allowed. */
class Transfer {
  readonly #outgoing: ClientRequest;
  readonly #wanted: HttpRequest;
  readonly #clock: Clock;
  readonly #done: (result: HttpResult) => void;
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;
  #heardAt: number;
  #timer: Timer;
  #over = false;

  constructor(
    outgoing: ClientRequest,
    wanted: HttpRequest,
    clock: Clock,
    done: (result: HttpResult) => void,
  ) {
    this.#outgoing = outgoing;
    this.#wanted = wanted;
    this.#clock = clock;
    this.#done = done;
    this.#heardAt = clock.now();
    this.#timer = this.#watch(this.#silence);
    outgoing.on('response', (response) => this.#respond(response));
    outgoing.on('error', (error) => this.fail(messageOf(error)));
  }

  fail(problem: string): void {
    this.#outgoing.destroy();
    this.#finish({ problem });
  }

  get #silence(): number {
    return this.#wanted.timeoutMs ?? LONGEST_SILENCE_MS;
  }

  #respond(response: IncomingMessage): void {
    this.#heardAt = this.#clock.now();
    response.on('data', (chunk: Buffer) => this.#take(chunk));
    response.on('error', (error) => this.fail(messageOf(error)));
    response.on('aborted', () => this.fail('connection closed early'));
    response.on('end', () =>
      this.#finish({
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: Buffer.concat(this.#chunks),
        bytes: this.#bytes,
      }),
    );
  }

  #take(chunk: Uint8Array): void {
    this.#heardAt = this.#clock.now();
    this.#bytes += chunk.length;
    if (this.#wanted.onData) this.#wanted.onData(chunk);
    else if (this.#bytes > (this.#wanted.maxBytes ?? MOST_COLLECTED)) this.fail('answer too long');
    else this.#chunks.push(chunk);
  }

  #watch(ms: number): Timer {
    return this.#clock.after(ms, () => {
      const left = this.#heardAt + this.#silence - this.#clock.now();
      if (left > 0) this.#timer = this.#watch(left);
      else this.fail('connection timed out');
    });
  }

  #finish(result: HttpResult): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer.cancel();
    this.#done(result);
  }
}
