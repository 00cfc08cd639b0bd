import type { Datasource } from '../disk/boot-record.ts';
import type { Machine } from '../machine/machine.ts';
import type { HttpClient, HttpRequest, HttpResponse } from '../net/http-client.ts';
import type { ReportedEvent } from './node-agent.ts';
import { oauthHeader, type Preseed, readPreseed } from './preseed.ts';

const METADATA_VERSION = '2012-03-01';
const REQUEST_TIMEOUT_MS = 30_000;
/** Pauses between tries: 1, 2, 4, 8, then 15 s. */
const LONGEST_PAUSE_MS = 15_000;

/** What the metadata service told. */
export interface Metadata {
  readonly instanceId: string;
  readonly hostname: string;
  readonly publicKeys: string;
  readonly vendorData: string;
  /** Empty when there is none. */
  readonly userData: Uint8Array;
}

/** A very small cloud-init: fetches the preseed and the metadata, and reports how it goes. */
export class CloudInit {
  readonly #machine: Machine;
  readonly #http: HttpClient;
  #reporting: Datasource | null = null;
  /** Server's clock less our own: what a refused signature teaches (the `Date` header). */
  #skewMs = 0;

  constructor(machine: Machine, http: HttpClient) {
    this.#machine = machine;
    this.#http = http;
  }

  /** Fetches the cloud-config named on the kernel command line, until it works. */
  async preseed(url: string): Promise<Preseed> {
    await this.#machine.step('preseed', { url });
    const preseed = await this.#persist('cloud-config', url, async () => {
      const response = await this.#request({ url });
      if (typeof response === 'string') return response;
      if (response.status !== 200) return `HTTP ${response.status}`;
      return readPreseed(textOf(response)) ?? 'the answer is not #cloud-config';
    });
    this.#reporting = preseed.reporting;
    return preseed;
  }

  /** Everything the MAAS datasource reads, in its order. What is optional may be missing, nothing else. */
  async metadata(source: Datasource): Promise<Metadata> {
    await this.#machine.step('metadata', { url: source.metadataUrl });
    const required = (path: string) => this.#item(source, path, false);
    const optional = (path: string) => this.#item(source, path, true);
    return {
      instanceId: textOf(await required('meta-data/instance-id')).trim(),
      hostname: textOf(await required('meta-data/local-hostname')).trim(),
      publicKeys: textOf(await optional('meta-data/public-keys')),
      vendorData: textOf(await optional('meta-data/vendor-data')),
      userData: (await optional('user-data')).body,
    };
  }

  /** Headers for the datasource's server. */
  authorization(source: Datasource): Readonly<Record<string, string>> {
    const { random, clock } = this.#machine;
    const nonce = Buffer.from(random.bytes(16)).toString('hex');
    return oauthHeader(source, nonce, clock.wallNow() + this.#skewMs);
  }

  /** Posts a progress event; a failure is no reason to stop. */
  async report({ name, description, type, result }: ReportedEvent): Promise<void> {
    if (!this.#reporting) return;
    const event = {
      name,
      description,
      event_type: type,
      origin: 'cloudinit',
      timestamp: (this.#machine.clock.wallNow() + this.#skewMs) / 1000,
      ...(result === undefined ? {} : { result }),
    };
    await this.#request({
      url: this.#reporting.metadataUrl,
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...this.authorization(this.#reporting) },
      body: JSON.stringify(event),
    });
  }

  #item(source: Datasource, path: string, optional: boolean): Promise<HttpResponse> {
    const url = `${source.metadataUrl.replace(/\/+$/, '')}/${METADATA_VERSION}/${path}`;
    const empty: HttpResponse = { status: 404, headers: {}, body: new Uint8Array(), bytes: 0 };
    return this.#persist(path, url, async () => {
      const response = await this.#request({ url, headers: this.authorization(source) });
      if (typeof response === 'string') return response;
      if (response.status === 401 || response.status === 403) this.#learnTime(response);
      if (response.status === 404 && optional) return empty;
      return response.status === 200 ? response : `HTTP ${response.status}`;
    });
  }

  /** A signature refused may mean that our clock is wrong. */
  #learnTime({ headers }: HttpResponse): void {
    const date = Date.parse(headers.date ?? '');
    if (!Number.isNaN(date)) this.#skewMs = date - this.#machine.clock.wallNow();
  }

  /** Tries until it works; a text is what was wrong. */
  async #persist<T extends object>(
    what: string,
    url: string,
    attempt: () => Promise<T | string>,
  ): Promise<T> {
    const { terminal, pace } = this.#machine;
    for (let pause = 1000; ; pause = Math.min(LONGEST_PAUSE_MS, pause * 2)) {
      const result = await attempt();
      if (typeof result !== 'string') return result;
      terminal.println(`cloud-init: ${what}: ${result}; again in ${pause / 1000} s\n  ${url}`);
      await pace.retry(pause);
    }
  }

  async #request(request: HttpRequest): Promise<HttpResponse | string> {
    const timeoutMs = this.#machine.pace.patience(REQUEST_TIMEOUT_MS);
    const result = await this.#http.fetch({ timeoutMs, ...request });
    return 'problem' in result ? result.problem : result;
  }
}

function textOf({ body }: HttpResponse): string {
  return new TextDecoder().decode(body);
}
