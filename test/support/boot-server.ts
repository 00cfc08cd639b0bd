import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { cidr, formatIpv4, formatMac, type Ipv4, ipv4, type Mac } from '../../src-main/base/address.ts';
import type { Clock } from '../../src-main/base/clock.ts';
import { seededRandom } from '../../src-main/base/random.ts';
import { openLabSegment } from '../../src-main/lab/host/lab-segment.ts';
import type { Fabric } from '../../src-main/lab/switch/port.ts';
import {
  BOOT_REPLY,
  broadcastFlag,
  DHCP_CLIENT_PORT,
  DHCP_SERVER_PORT,
  type DhcpMessage,
  decodeDhcp,
  dhcpMessage,
  encodeDhcp,
  MESSAGE_TYPE,
} from '../../src-main/protocol/dhcp.ts';
import { OPTION } from '../../src-main/protocol/dhcp-options.ts';
import { noProxyDhcpValue } from '../../src-main/protocol/dhcp-pxe.ts';
import {
  ipv4ListValue,
  readText,
  readU8,
  textValue,
  u8Value,
  u32Value,
} from '../../src-main/protocol/dhcp-values.ts';
import { decodeTftp, encodeTftp } from '../../src-main/protocol/tftp.ts';

/** What a {@link BootServer} answers with; functions are asked for each request. */
export interface BootServerScript {
  /** Boot file by what the client says; '' leaves it out. */
  readonly bootFile: (message: DhcpMessage) => string;
  /** Content by path, for HTTP and TFTP alike; missing is an error. */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  readonly leaseSeconds?: number;
  /** Answers nothing while this says so. */
  readonly silent?: (message: DhcpMessage) => boolean;
  /** Further HTTP routes. */
  readonly onRequest?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

/** The plainest DHCP, TFTP (lock-step, without options) and HTTP servers, for tests of what boots from them. */
export class BootServer {
  readonly address: Ipv4 = ipv4('10.77.0.1');
  readonly dhcpSeen: DhcpMessage[] = [];
  /** `GET /path` and `RRQ path`, in order. */
  readonly asked: string[] = [];
  readonly headers: Record<string, string | string[] | undefined>[] = [];
  readonly bodies: string[] = [];
  readonly #script: BootServerScript;
  readonly #segment: ReturnType<typeof openLabSegment>;
  readonly #leases = new Map<Mac, Ipv4>();

  constructor(fabric: Fabric, clock: Clock, script: BootServerScript) {
    const { address } = this;
    this.#script = script;
    this.#segment = openLabSegment({
      fabric,
      name: 'server',
      cidr: cidr('10.77.0.0/24'),
      address,
      clock,
      random: seededRandom(1),
    });
  }

  async start(): Promise<this> {
    await this.#startDhcp();
    await this.#startTftp();
    const http = createServer((request, response) => this.#http(request, response));
    await this.#segment.tcp(5248, (connection) => http.emit('connection', connection));
    return this;
  }

  dispose(): void {
    this.#segment.dispose();
  }

  /** `discover`, `request`, … of what came, with its architecture, for one-line expectations. */
  get dhcpTypes(): string[] {
    const names = Object.keys(MESSAGE_TYPE);
    return this.dhcpSeen.map(({ options }) => names[(readU8(options, OPTION.messageType) ?? 0) - 1] ?? '?');
  }

  async #startDhcp(): Promise<void> {
    const endpoint = await this.#segment.udp(DHCP_SERVER_PORT);
    endpoint.onDatagram(({ data }) => {
      const message = decodeDhcp(new Uint8Array(data));
      if (!message) return;
      this.dhcpSeen.push(message);
      if (this.#script.silent?.(message)) return;
      const to = { address: ipv4('255.255.255.255'), port: DHCP_CLIENT_PORT, mac: message.mac };
      endpoint.send(encodeDhcp(this.#reply(message), 1472), to);
    });
  }

  #reply(message: DhcpMessage): DhcpMessage {
    const { xid, mac, flags } = message;
    if (!this.#leases.has(mac)) this.#leases.set(mac, ipv4(`10.77.0.${20 + this.#leases.size}`));
    const isDiscover = readU8(message.options, OPTION.messageType) === MESSAGE_TYPE.discover;
    const file = this.#script.bootFile(message);
    const vendorClass = readText(message.options, OPTION.vendorClass) ?? '';
    return dhcpMessage({
      op: BOOT_REPLY,
      xid,
      mac,
      flags: flags & broadcastFlag(true),
      yiaddr: this.#leases.get(mac) ?? this.address,
      siaddr: this.address,
      file,
      options: new Map([
        [OPTION.messageType, u8Value(isDiscover ? MESSAGE_TYPE.offer : MESSAGE_TYPE.ack)],
        [OPTION.serverIdentifier, ipv4ListValue([this.address])],
        [OPTION.leaseTime, u32Value(this.#script.leaseSeconds ?? 600)],
        [OPTION.subnetMask, ipv4ListValue([ipv4('255.255.255.0')])],
        [OPTION.router, ipv4ListValue([this.address])],
        [OPTION.ipxe, noProxyDhcpValue()],
        ...(vendorClass.startsWith('HTTPClient')
          ? [[OPTION.vendorClass, textValue('HTTPClient')] as const]
          : []),
      ]),
    });
  }

  async #startTftp(): Promise<void> {
    const listener = await this.#segment.udp(69);
    listener.onDatagram(async ({ data, from }) => {
      const request = decodeTftp(data);
      if (request?.type !== 'rrq') return;
      this.asked.push(`RRQ ${request.filename}`);
      const content = this.#content(request.filename);
      const endpoint = await this.#segment.udp(0);
      if (!content) {
        endpoint.send(encodeTftp({ type: 'error', code: 1, message: 'File not found' }), from);
        return endpoint.dispose();
      }
      const tsize = request.options.find(([name]) => name === 'tsize');
      if (tsize && !request.options.some(([name]) => name === 'blksize' && tsize[1] === '1'))
        return this.#serve(endpoint, from, content, true);
      return this.#serve(endpoint, from, content, false);
    });
  }

  #serve(
    endpoint: Awaited<ReturnType<BootServer['udp']>>,
    from: { address: Ipv4; port: number },
    content: Uint8Array,
    withSize: boolean,
  ): void {
    const sendBlock = (block: number) => {
      const payload = content.subarray((block - 1) * 512, block * 512);
      endpoint.send(encodeTftp({ type: 'data', block: block & 0xffff, payload }), from);
    };
    let next = 1;
    endpoint.onDatagram(({ data }) => {
      const packet = decodeTftp(data);
      if (packet?.type === 'error') return void endpoint.dispose();
      if (packet?.type !== 'ack') return;
      if (packet.block === (next & 0xffff)) next++;
      if ((next - 1) * 512 > content.length) return void endpoint.dispose();
      sendBlock(next);
    });
    if (withSize)
      endpoint.send(encodeTftp({ type: 'oack', options: [['tsize', String(content.length)]] }), from);
    else sendBlock(1);
  }

  /** A UDP port on the server's own host, for tests that need one more. */
  udp(port: number) {
    return this.#segment.udp(port);
  }

  #content(path: string): Uint8Array | undefined {
    const content = this.#script.files[path.replace(/^\/+/, '')];
    return typeof content === 'string' ? Buffer.from(content) : content;
  }

  #http(request: IncomingMessage, response: ServerResponse): void {
    this.asked.push(`${request.method} ${request.url}`);
    this.headers.push(request.headers);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => this.bodies.push(Buffer.concat(chunks).toString()));
    if (this.#script.onRequest?.(request, response)) return;
    const content = this.#content((request.url ?? '').replace(/\?.*/, ''));
    response.statusCode = content ? 200 : 404;
    response.setHeader('content-length', content?.length ?? 0);
    response.end(request.method === 'HEAD' ? undefined : content);
  }
}

/** For boot files: `http://10.77.0.1:5248/path`. */
export function bootUrl(path: string): string {
  return `http://${formatIpv4(ipv4('10.77.0.1'))}:5248/${path}`;
}

/** `ipxe.cfg-52:54:…` and the like. */
export function forMac(name: string, mac: Mac): string {
  return `${name}-${formatMac(mac)}`;
}
