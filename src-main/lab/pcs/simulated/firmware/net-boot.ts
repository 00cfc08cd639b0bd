import { formatIpv4, formatMac, type Ipv4, parseIpv4 } from '../../../../base/address.ts';
import type { DhcpMessage } from '../../../../protocol/dhcp.ts';
import type { BootDisk, Machine } from '../machine/machine.ts';
import { acquireLease, type DhcpLease, type DhcpResult } from '../net/dhcp-client.ts';
import type { DhcpFlavour } from '../net/dhcp-flavour.ts';
import { HttpClient } from '../net/http-client.ts';
import { FileSink, type LoadedFile } from '../net/loaded-file.ts';
import type { NicDevice, NicStack } from '../net/nic-device.ts';
import { downloadByTftp, type TftpResult } from '../net/tftp-client.ts';
import type { TftpFlavour } from '../net/tftp-receiver.ts';

/** Why a file could not be had. */
export interface FetchFailure {
  readonly problem: 'not-found' | 'timeout' | 'refused';
  readonly message: string;
}

/**
 * A program of the boot chain on the network: one stack on one card, its lease, and downloads by TFTP and HTTP.
 * Each program makes its own; an address got by the one before is taken over with `adopt`.
 */
export class NetBoot {
  readonly machine: Machine;
  readonly nic: NicDevice;
  readonly disks: readonly BootDisk[];
  readonly #stack: NicStack;
  readonly #http: HttpClient;
  #lease: DhcpLease | null = null;

  /** `headers` are those of the program's HTTP requests. */
  constructor(
    machine: Machine,
    nic: NicDevice,
    disks: readonly BootDisk[],
    headers: Readonly<Record<string, string>>,
  ) {
    this.machine = machine;
    this.nic = nic;
    this.disks = disks;
    this.#stack = nic.open(machine.clock, machine.random);
    this.#http = new HttpClient(this.#stack, machine.clock, machine.signal, headers);
  }

  /** The lease; there is none before {@link acquire} or {@link adopt}. */
  get lease(): DhcpLease {
    if (!this.#lease) throw new Error('no lease yet');
    return this.#lease;
  }

  get macText(): string {
    return formatMac(this.nic.mac);
  }

  /** Asks for an address. */
  async acquire(flavour: DhcpFlavour, accepts?: (offer: DhcpMessage) => boolean): Promise<DhcpResult> {
    const { machine } = this;
    const { clock, random, pace, signal } = machine;
    await machine.step('dhcp', { client: flavour.name });
    this.#stack.ip.configure(null);
    const identity = { mac: this.nic.mac, uuid: machine.spec.identity.uuid };
    const context = { stack: this.#stack, clock, random, pace, signal };
    const result = await acquireLease(context, flavour, identity, accepts);
    if ('lease' in result) this.#lease = result.lease;
    return result;
  }

  /** Takes over the address that the program before was given. */
  adopt(lease: DhcpLease): void {
    const { address, cidr, gateway } = lease;
    this.#lease = lease;
    this.#stack.ip.configure({ address, cidr, ...(gateway === null ? {} : { gateway }) });
  }

  async byTftp(server: Ipv4, filename: string, flavour: TftpFlavour): Promise<LoadedFile | FetchFailure> {
    const sink = new FileSink(`tftp://${formatIpv4(server)}/${filename.replace(/^\/+/, '')}`);
    const result = await this.#tftp(server, filename, flavour, (data) => sink.write(data));
    return result.ok ? sink.finish() : failureOf(result);
  }

  /** The size of a file, which EDK2 wants first. Null when it is not to be had. */
  async sizeByTftp(server: Ipv4, filename: string, flavour: TftpFlavour): Promise<number | FetchFailure> {
    const result = await this.#tftp(server, filename, flavour, () => undefined, true);
    return result.ok ? result.bytes : failureOf(result);
  }

  async byHttp(url: string): Promise<LoadedFile | FetchFailure> {
    const sink = new FileSink(url);
    const result = await this.#http.fetch({
      url,
      timeoutMs: this.machine.pace.patience(20_000),
      onData: (data) => sink.write(data),
    });
    if ('problem' in result) return { problem: 'timeout', message: result.problem };
    if (result.status === 200) return sink.finish();
    return { problem: result.status === 404 ? 'not-found' : 'refused', message: `HTTP ${result.status}` };
  }

  /** Status and length that a HEAD request tells. */
  async head(url: string): Promise<{ readonly status: number; readonly length: number } | null> {
    const result = await this.#http.fetch({
      url,
      method: 'HEAD',
      timeoutMs: this.machine.pace.patience(20_000),
    });
    if ('problem' in result) return null;
    return { status: result.status, length: Number(result.headers['content-length'] ?? 0) };
  }

  /** Downloads `http://…` and `tftp://…`. */
  async fetch(uri: string, flavour: TftpFlavour): Promise<LoadedFile | FetchFailure> {
    const url = URL.parse(uri);
    const server = parseIpv4(url?.hostname ?? '');
    if (url?.protocol === 'http:') return this.byHttp(uri);
    if (url?.protocol === 'tftp:' && server !== null)
      return this.byTftp(server, decodeURIComponent(url.pathname.slice(1)), flavour);
    return { problem: 'refused', message: `cannot fetch ${uri}` };
  }

  /** Closes its connections, as a program does before it hands over. */
  close(): void {
    this.#http.close();
  }

  #tftp(
    server: Ipv4,
    filename: string,
    flavour: TftpFlavour,
    onData: (data: Uint8Array) => void,
    sizeOnly = false,
  ): Promise<TftpResult> {
    const { clock, pace, signal } = this.machine;
    const context = { stack: this.#stack, clock, pace, signal };
    return downloadByTftp(context, { server, filename, flavour, sizeOnly, onData });
  }
}

export function isFailure(result: LoadedFile | FetchFailure | number): result is FetchFailure {
  return typeof result === 'object' && 'problem' in result;
}

function failureOf(result: Exclude<TftpResult, { ok: true }>): FetchFailure {
  if (result.code === 'timeout') return { problem: 'timeout', message: result.message };
  return { problem: result.code === 1 ? 'not-found' : 'refused', message: result.message };
}
