import { once } from 'node:events';
import { createServer, get } from 'node:http';
import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { cidr, ipv4 } from '../../src-main/base/address.ts';
import { ManualClock } from '../../src-main/base/clock.ts';
import { seededRandom } from '../../src-main/base/random.ts';
import { type LabSegment, openLabSegment } from '../../src-main/lab/host/lab-segment.ts';
import type { Outside } from '../../src-main/lab/host/nat/outside.ts';
import { LabSwitch } from '../../src-main/lab/switch/switch.ts';
import { escapedFrom, FUZZ_INPUTS, FUZZ_SEED, HeapWatch, turn } from '../support/fuzzing.ts';
import { HostileFrames } from '../support/hostile-frames.ts';

const NETWORK = cidr('10.77.0.0/24');
const GROWTH_BYTES = 32 << 20;
const LIMITS = { maxConnections: 64, maxHalfOpen: 32 };
const IDLE_MS = 30_000;
/** What such frames can't cause: the switch drops runts first, and the host asks nobody anything. */
const NOT_MET = new Set([
  ...['malformedEthernet', 'noRoute', 'unresolved', 'tooLong', 'opened'],
  ...['tailProbes', 'zeroWindowProbes', 'fastRecoveries', 'duplicateAcks', 'timeouts'],
]);

/** A world of which half answers what it gets and half fails; knows what is open. */
class World implements Outside {
  flows = 0;
  connections = 0;
  readonly #random = seededRandom(FUZZ_SEED + 1);

  addresses() {
    return [ipv4('192.168.1.5')];
  }

  udp(...[, , onData, onError]: Parameters<Outside['udp']>) {
    this.flows++;
    const fails = this.#random.int(0, 1) === 0;
    return {
      send: (data: Uint8Array) => (fails ? queueMicrotask(onError) : onData(data)),
      close: () => void this.flows--,
    };
  }

  connect(): Duplex {
    this.connections++;
    const fails = this.#random.int(0, 1) === 0;
    const stream = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        this.push(chunk);
        done();
      },
      final(done) {
        this.push(null);
        done();
      },
    });
    stream.once('close', () => this.connections--);
    if (fails) setImmediate(() => stream.destroy(new Error('ECONNREFUSED')));
    else setImmediate(() => stream.emit('connect'));
    return stream;
  }
}

class Rig {
  readonly clock = new ManualClock();
  readonly fabric = new LabSwitch({ clock: this.clock, random: seededRandom(FUZZ_SEED) });
  readonly world = new World();
  readonly controller = this.open('10.77.0.1');
  readonly nat = this.controller.startNat({ outside: this.world });

  open(address: string): LabSegment {
    const { fabric, clock } = this;
    return openLabSegment({
      ...{ fabric, clock, name: address, cidr: NETWORK, address: ipv4(address), tcp: LIMITS },
      random: seededRandom(FUZZ_SEED + 2),
    });
  }

  async serve(): Promise<void> {
    const echo = await this.controller.udp(7);
    echo.onDatagram(({ data, from }) => echo.send(Uint8Array.from(data), from));
    const http = createServer((request, response) => response.end(`you asked for ${request.url}`));
    http.setTimeout(IDLE_MS);
    await this.controller.tcp(80, (connection) => void http.emit('connection', connection));
  }

  /** Lets virtual time pass in steps, so that streams keep up with it. */
  async pass(ms: number, steps: number): Promise<void> {
    for (let n = 0; n < steps; n++) {
      this.clock.advance(ms / steps);
      await turn();
    }
  }

  /** Throws when a table is larger than it may ever be. */
  check(input: number): void {
    const { connections, halfOpen, timeWait } = this.controller.tcpStack.sizes;
    const { flows, remotes, ports } = this.nat.sizes;
    const sizes = [
      ['connections', connections, LIMITS.maxConnections],
      ['half-open connections', halfOpen, LIMITS.maxHalfOpen],
      ['TIME-WAIT', timeWait, 8192],
      ['flows', flows, 1024],
      ['sockets of flows', this.world.flows, 1024],
      ['remotes', remotes, 256],
      ['ports', ports, 256 * remotes],
      ['sockets of connections', this.world.connections, 1024],
      ['ARP', this.controller.host.arp.entries().length, 256],
      ['addresses', input % 1000 === 0 ? this.fabric.addresses().length : 0, 4096],
      ['timers', this.clock.pending, 4096],
    ] as const;
    for (const [name, size, limit] of sizes)
      if (size > limit) throw new Error(`input ${input}: ${size} ${name}`);
  }
}

test(`${FUZZ_INPUTS} hostile frames (seed ${FUZZ_SEED}) leave the lab's host and its way out standing`, async () => {
  const rig = new Rig();
  const { fabric, controller, nat, clock } = rig;
  await rig.serve();
  const frames = new HostileFrames(seededRandom(FUZZ_SEED), controller.host);
  const attacker = fabric.attach('attacker', (frame) => frames.hear(frame));
  const heap = new HeapWatch(FUZZ_INPUTS);
  const escaped = await escapedFrom(async () => {
    for (let i = 0; i < FUZZ_INPUTS; i++) {
      attacker.transmit(frames.next());
      if (i % 50 === 0) {
        await turn();
        clock.advance(i % 5000 === 0 ? 40_000 : 200);
        rig.check(i);
      }
      heap.after(i);
    }
  });
  expect(escaped).toEqual([]);
  expect(heap.grownBytes).toBeLessThan(GROWTH_BYTES);

  // Every frame is accounted for, and every reason to drop one was met.
  const { counters } = attacker;
  const { runt, oversize, badSource, backlog } = counters.dropped;
  expect(counters.framesIn + runt + oversize + badSource + backlog).toBe(FUZZ_INPUTS);
  const { host } = controller;
  expect(host.counters.framesIn).toBeGreaterThan(FUZZ_INPUTS / 2);
  const met = {
    runt,
    oversize,
    badSource,
    ...host.counters,
    ...controller.tcpStack.counters,
    ...nat.counters,
  };
  const unmet = Object.entries(met).filter(([name, count]) => count === 0 && !NOT_MET.has(name));
  expect(unmet).toEqual([]);

  // Once the noise is over and the idle are gone, nothing is left of it.
  await rig.pass(40 * 60_000, 400);
  expect(controller.tcpStack.sizes).toMatchObject({ connections: 0, halfOpen: 0, timeWait: 0 });
  expect([nat.sizes, rig.world.flows, rig.world.connections]).toEqual([
    { flows: 0, remotes: 0, ports: 0 },
    0,
    0,
  ]);

  const peer = rig.open('10.77.0.200');
  const probe = peer.probe(controller.address, 100);
  const ping = peer.host.ping(controller.address, 100);
  await rig.pass(200, 4);
  expect([await probe, await ping]).toEqual([true, true]);
  const request = get({
    path: '/boot',
    createConnection: () => peer.tcpStack.connect(controller.address, 80),
  });
  const answered = once(request, 'response');
  await rig.pass(1000, 20);
  const [response] = await answered;
  let body = '';
  response.on('data', (chunk: Buffer) => {
    body += chunk;
  });
  await rig.pass(1000, 20);
  expect(body).toBe('you asked for /boot');
  peer.dispose();
  controller.dispose();
  await turn();
  expect(fabric.ports()).toEqual([attacker]);
  expect(clock.pending).toBe(0);
});
