import { ANY_IPV4, formatIpv4, type Ipv4 } from '../../base/address.ts';
import type { BootLog } from '../../base/boot-event.ts';
import type { Clock } from '../../base/clock.ts';
import { type Disposable, Signal } from '../../base/disposable.ts';
import type { Segment, UdpEndpoint } from '../../base/segment.ts';
import {
  BOOT_REQUEST,
  DHCP_SERVER_PORT,
  type DhcpMessage,
  decodeDhcp,
  MESSAGE_TYPE,
} from '../../protocol/dhcp.ts';
import { OPTION } from '../../protocol/dhcp-options.ts';
import { readU8 } from '../../protocol/dhcp-values.ts';
import type { Lease, LeaseBook } from '../ports.ts';
import type { AddressTable } from './address-table.ts';
import type { Binding } from './binding.ts';
import { type BootingClient, classifyClient } from './client.ts';
import { completeDhcpConfig, type DhcpConfig, type FullDhcpConfig } from './config.ts';
import { ConflictChecker } from './conflict.ts';
import { DhcpCounter, type DhcpCounters } from './counters.ts';
import { type Decision, DhcpPolicy } from './policy.ts';
import { ReplyWriter, replyDestination, writeNak } from './reply.ts';

interface DhcpServerOptions {
  readonly segment: Segment;
  readonly config: DhcpConfig;
  readonly leaseBook: LeaseBook;
  readonly bootLog: BootLog;
  readonly clock: Clock;
}

/** What happened to a lease; MAAS calls these commit, expiry and release. */
export interface LeaseChange {
  readonly action: 'commit' | 'expiry' | 'release' | 'decline';
  readonly lease: Lease;
}

/** ACKs that wait for their lease to be saved. Beyond this the store is stuck: clients shall ask again later. */
const MAX_WAITING_ACKS = 10_000;
/** Addresses tried for one DISCOVER before the client is left to ask again. */
const MAX_PROBE_ROUNDS = 5;

/**
 * Serves DHCP on a segment until disposed. Rejects with BAD_ARGUMENT for a configuration that can't work and with
 * PORT_IN_USE when somebody else has port 67.
 *
 *     const dhcp = await startDhcpServer({ segment, config: { subnets: [{ cidr, ranges }] }, leaseBook, bootLog, clock });
 */
export async function startDhcpServer(options: DhcpServerOptions): Promise<DhcpServer> {
  const config = completeDhcpConfig(options.config, options.segment.address);
  const endpoint = await options.segment.udp(DHCP_SERVER_PORT);
  return new DhcpServer(options, config, endpoint);
}

export class DhcpServer implements Disposable {
  /** Told after the change was saved (expiry: noticed with the next packet, since no timers run). */
  readonly leaseChanged = new Signal<LeaseChange>();
  readonly #segment: Segment;
  readonly #leaseBook: LeaseBook;
  readonly #bootLog: BootLog;
  readonly #clock: Clock;
  readonly #endpoint: UdpEndpoint;
  readonly #counter = new DhcpCounter();
  #policy: DhcpPolicy;
  #replies: ReadonlyMap<AddressTable, ReplyWriter>;
  #conflicts: ConflictChecker;
  #waitingAcks = 0;
  #disposed = false;

  constructor(options: DhcpServerOptions, config: FullDhcpConfig, endpoint: UdpEndpoint) {
    this.#segment = options.segment;
    this.#leaseBook = options.leaseBook;
    this.#bootLog = options.bootLog;
    this.#clock = options.clock;
    this.#endpoint = endpoint;
    [this.#policy, this.#replies, this.#conflicts] = this.#rulesFor(config, this.#leaseBook.all());
    endpoint.onDatagram(({ data }) => this.#receive(data));
  }

  get counters(): DhcpCounters {
    return this.#counter.snapshot();
  }

  /** Leases in force and declined addresses, by address. */
  leases(): Lease[] {
    for (const table of this.#policy.tables) table.expire(this.#clock.wallNow());
    return this.#bindings()
      .filter(({ state }) => state === 'bound' || state === 'declined')
      .map(leaseOf)
      .sort((a, b) => a.address - b.address);
  }

  /** Changes the rules; leases stay. An address no longer allowed is refused when its client renews. Throws BAD_ARGUMENT. */
  updateConfig(config: DhcpConfig): void {
    const full = completeDhcpConfig(config, this.#segment.address);
    [this.#policy, this.#replies, this.#conflicts] = this.#rulesFor(full, this.#bindings());
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    await this.#endpoint.dispose();
  }

  #bindings(): Binding[] {
    return this.#policy.tables.flatMap((table) => [...table.bindings()]);
  }

  #rulesFor(
    config: FullDhcpConfig,
    known: readonly Pick<Binding, 'address' | 'mac' | 'state' | 'expiresAt' | 'hostname'>[],
  ): [DhcpPolicy, Map<AddressTable, ReplyWriter>, ConflictChecker] {
    const server = this.#segment.address;
    const now = this.#clock.wallNow();
    const policy = new DhcpPolicy(config, server, (binding) => this.#changed('expiry', leaseOf(binding)));
    for (const entry of [...known].sort((a, b) => a.expiresAt - b.expiresAt))
      policy.tableOf(entry.address)?.restore(entry, now);
    const replies = new Map(
      policy.tables.map((table) => [table, new ReplyWriter(table.subnet, config, server)] as const),
    );
    return [policy, replies, new ConflictChecker(this.#segment, this.#clock, config.probeTimeoutMs)];
  }

  #receive(data: Uint8Array): void {
    const message = decodeDhcp(data);
    if (message?.op !== BOOT_REQUEST) {
      this.#counter.dropped(message ? 'not-a-request' : 'not-dhcp');
      return;
    }
    if (message.damaged) this.#counter.damaged++;
    this.#counter.received(readU8(message.options, OPTION.messageType));
    this.#answer(message, data, 1);
  }

  /** `round` counts the addresses probed for this message, this one included. */
  #answer(message: DhcpMessage, data: Uint8Array, round: number): void {
    const client = classifyClient(message);
    const decision = this.#policy.decide(message, client.pxe, this.#clock.wallNow());
    switch (decision.kind) {
      case 'drop':
        this.#counter.dropped(decision.reason);
        break;
      case 'offer':
        this.#offer(decision, message, client, data, round);
        break;
      case 'ack':
        this.#acknowledge(decision, message, client);
        break;
      case 'inform':
        this.#reply(decision.table, message, client, MESSAGE_TYPE.ack, ANY_IPV4, 0);
        this.#tell(message, 'inform', message.ciaddr, {});
        break;
      case 'nak':
        this.#refuse(message, decision.reason);
        break;
      case 'exhausted':
        this.#counter.dropped('pool-exhausted');
        this.#tell(message, 'exhausted', ANY_IPV4, {});
        break;
      case 'foreign':
        this.#counter.otherServer++;
        this.#tell(message, 'foreign', ANY_IPV4, { server: formatIpv4(decision.server) });
        break;
      case 'declined':
        this.#tell(message, 'declined', decision.binding.address, {});
        this.#saveDeclined(decision.binding);
        break;
      case 'released':
        this.#released(message, decision.binding);
        break;
    }
  }

  #offer(
    decision: Decision & { kind: 'offer' },
    message: DhcpMessage,
    client: BootingClient,
    data: Uint8Array,
    round: number,
  ): void {
    const { table, binding, leaseMs, held } = decision;
    if (held || this.#conflicts.isClear(binding.address)) {
      this.#reply(table, message, client, MESSAGE_TYPE.offer, binding.address, leaseMs);
      this.#tell(message, 'offer', binding.address, this.#bootDetail(table, client));
      return;
    }
    if (round >= MAX_PROBE_ROUNDS) {
      this.#counter.dropped('address-conflict');
      return;
    }
    const policy = this.#policy;
    const { mac } = message;
    const started = this.#conflicts.check(mac, binding.address, data, (newest, inUse) => {
      if (this.#disposed || policy !== this.#policy) return;
      if (inUse && binding.mac === mac && binding.state === 'offered') {
        policy.conflict(table, binding, this.#clock.wallNow());
        this.#tell({ mac }, 'conflict', binding.address, {});
        this.#saveDeclined(binding);
      }
      const again = decodeDhcp(newest);
      if (again) this.#answer(again, newest, round + 1);
    });
    if (!started) this.#counter.dropped('being-probed');
  }

  /** Sends the ACK only after its lease was saved; the reply is encoded now, since the request won't last. */
  #acknowledge(decision: Decision & { kind: 'ack' }, message: DhcpMessage, client: BootingClient): void {
    const { table, binding, leaseMs } = decision;
    if (this.#waitingAcks >= MAX_WAITING_ACKS) {
      this.#counter.dropped('store-busy');
      return;
    }
    const lease = leaseOf(binding);
    const detail = this.#bootDetail(table, client);
    const to = replyDestination(message, MESSAGE_TYPE.ack, lease.address);
    const reply = this.#replies.get(table)?.write(message, client, MESSAGE_TYPE.ack, lease.address, leaseMs);
    if (!reply) return;
    this.#waitingAcks++;
    this.#leaseBook.put(lease).then(
      () => {
        this.#waitingAcks--;
        if (this.#disposed) return;
        this.#endpoint.send(reply, to);
        this.#counter.sent(MESSAGE_TYPE.ack);
        this.#tell(lease, 'ack', lease.address, detail);
        if (client.boots && detail.file === '') this.#tell(lease, 'no-loader', lease.address, detail);
        this.#changed('commit', lease);
      },
      () => {
        // The address stays taken until the lease would have ended: whether it was saved is not known.
        this.#waitingAcks--;
        this.#counter.dropped('store-failed');
        this.#tell(lease, 'store-failed', ANY_IPV4, {});
      },
    );
  }

  #refuse(message: DhcpMessage, reason: string): void {
    const reply = writeNak(this.#segment.address, message, reason);
    this.#endpoint.send(reply, replyDestination(message, MESSAGE_TYPE.nak, ANY_IPV4));
    this.#counter.sent(MESSAGE_TYPE.nak);
    this.#tell(message, 'nak', ANY_IPV4, { reason });
  }

  #released(message: DhcpMessage, binding: Binding): void {
    const lease = leaseOf(binding);
    this.#tell(message, 'released', lease.address, {});
    this.#leaseBook.remove(lease.address).then(
      () => this.#changed('release', lease),
      () => this.#counter.dropped('store-failed'),
    );
  }

  #saveDeclined(binding: Binding): void {
    const lease = leaseOf(binding);
    this.#leaseBook.put(lease).then(
      () => this.#changed('decline', lease),
      () => this.#counter.dropped('store-failed'),
    );
  }

  #reply(
    table: AddressTable,
    message: DhcpMessage,
    client: BootingClient,
    type: number,
    address: Ipv4,
    leaseMs: number,
  ): void {
    const reply = this.#replies.get(table)?.write(message, client, type, address, leaseMs);
    if (!reply) return;
    this.#endpoint.send(reply, replyDestination(message, type, address));
    this.#counter.sent(type);
  }

  #bootDetail(table: AddressTable, client: BootingClient): { arch: string; ipxe: string; file: string } {
    return {
      arch: client.arch,
      ipxe: client.ipxe,
      file: this.#replies.get(table)?.bootFileOf(client) ?? '',
    };
  }

  #tell(
    who: Pick<Lease, 'mac'>,
    step: string,
    ip: Ipv4,
    detail: Record<string, string | number | boolean>,
  ): void {
    const at = this.#clock.wallNow();
    this.#bootLog({ at, mac: who.mac, phase: 'dhcp', step, detail, ...(ip === ANY_IPV4 ? {} : { ip }) });
  }

  #changed(action: LeaseChange['action'], lease: Lease): void {
    if (!this.#disposed && this.leaseChanged.size > 0) this.leaseChanged.emit({ action, lease });
  }
}

function leaseOf(binding: Binding): Lease {
  const { address, mac, expiresAt, hostname } = binding;
  return { address, mac, state: binding.state === 'declined' ? 'declined' : 'bound', expiresAt, hostname };
}
