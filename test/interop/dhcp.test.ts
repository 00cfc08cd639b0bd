import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cidr, formatIpv4, ipv4, mac } from '../../src-main/base/address.ts';
import type { BootEvent } from '../../src-main/base/boot-event.ts';
import { systemClock } from '../../src-main/base/clock.ts';
import { Disposables, Signal } from '../../src-main/base/disposable.ts';
import { systemRunner } from '../../src-main/base/process-runner.ts';
import { seededRandom } from '../../src-main/base/random.ts';
import { openLeaseBook } from '../../src-main/domain/networks/lease-book.ts';
import { LabSegment } from '../../src-main/lab/host/lab-segment.ts';
import { LabSwitch } from '../../src-main/lab/switch/switch.ts';
import type { DhcpConfig, DhcpSubnet } from '../../src-main/netboot/dhcp/config.ts';
import { findOtherDhcpServers } from '../../src-main/netboot/dhcp/find-servers.ts';
import { type DhcpServer, startDhcpServer } from '../../src-main/netboot/dhcp/server.ts';
import { openStore, type Store } from '../../src-main/store/store.ts';
import { type KernelHost, type KernelHostOptions, plugKernelHost } from '../support/kernel-host.ts';
import { describeWith } from '../support/requirements.ts';

const require = createRequire(import.meta.url);
const NETWORK = ['ip', 'socat', 'sysctl'];
const FIRST = ipv4('10.77.0.100');
const SUBNET: DhcpSubnet = {
  cidr: cidr('10.77.0.0/24'),
  ranges: [{ first: FIRST, last: ipv4('10.77.0.110') }],
  gateway: ipv4('10.77.0.1'),
  dnsServers: [ipv4('10.77.0.1')],
  domain: 'lab.example',
  ntpServers: [ipv4('10.77.0.1')],
};

let folder: string;
let stack: Disposables;
let fabric: LabSwitch;
let segment: LabSegment;
let store: Store;
let server: DhcpServer;
const events: BootEvent[] = [];
const happened = new Signal<BootEvent>();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rackbox-dhcp-'));
  stack = new Disposables();
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const random = seededRandom(1);
  fabric = new LabSwitch({ clock: systemClock, random });
  segment = stack.add(
    new LabSegment({
      fabric,
      name: 'controller',
      cidr: SUBNET.cidr,
      address: ipv4('10.77.0.1'),
      clock: systemClock,
      random,
    }),
  );
  events.length = 0;
});
afterEach(() => stack.dispose());

async function serve(config: Partial<DhcpConfig> = {}): Promise<void> {
  store = stack.add(await openStore(join(folder, 'rackbox.db')));
  server = stack.add(
    await startDhcpServer({
      segment,
      leaseBook: openLeaseBook(store),
      clock: systemClock,
      bootLog: (event) => {
        events.push(event);
        happened.emit(event);
      },
      config: { subnets: [SUBNET], probeTimeoutMs: 0, ...config },
    }),
  );
}

/** Resolves at the next event of this step. */
function nextStep(step: string): Promise<BootEvent> {
  return new Promise((resolve) => {
    const listening = happened.on((event) => {
      if (event.step !== step) return;
      listening.dispose();
      resolve(event);
    });
  });
}

async function plug(options: KernelHostOptions = {}): Promise<KernelHost> {
  return stack.add(await plugKernelHost(fabric, options));
}

/** Records what passes the host's interface; `stop` returns the file. */
async function capture(host: KernelHost): Promise<{ stop(): Promise<string> }> {
  const file = join(folder, 'capture.pcap');
  const tcpdump = host.start(
    'tcpdump',
    '-i',
    host.interface,
    '--immediate-mode',
    '-U',
    '-Z',
    'root',
    '-w',
    file,
  );
  await untilSays(tcpdump, 'listening on');
  return {
    async stop() {
      tcpdump.kill('SIGINT');
      await once(tcpdump, 'exit');
      return file;
    },
  };
}

function untilSays(child: ChildProcess, text: string): Promise<void> {
  return new Promise((resolve) => {
    let heard = '';
    child.stderr?.on('data', (data) => {
      heard += data;
      if (heard.includes(text)) resolve();
    });
  });
}

/** The exchange as tshark reads it: DHCP message types in order, after it found nothing to complain about. */
async function dissect(file: string): Promise<string[]> {
  const tshark = async (...args: string[]) => {
    const { code, stdout, stderr } = await systemRunner.run('tshark', ['-r', file, ...args]);
    expect(code, stderr).toBe(0);
    return stdout.trim();
  };
  // Severities from "warning" up (0x600000).
  expect(await tshark('-Y', '_ws.malformed || (dhcp && _ws.expert.severity >= 0x600000)', '-V')).toBe('');
  // Not what ICMP quotes: the kernel answers for a client that was just killed.
  return (await tshark('-Y', 'dhcp && !icmp', '-T', 'fields', '-e', 'dhcp.option.dhcp')).split('\n');
}

/** A configuration script that sets the address and leaves the machine's own files alone. */
function script(name: string, body: string): string {
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
  return file;
}

const leaseMacs = () => server.leases().map((lease) => [formatIpv4(lease.address), lease.mac, lease.state]);

describeWith('dhclient', { programs: [...NETWORK, 'dhclient', 'tcpdump', 'tshark'], root: true }, () => {
  const dhclient = (host: KernelHost, ...options: string[]) => {
    const sets =
      'case $reason in BOUND|RENEW|REBOOT) ip addr replace $new_ip_address/24 dev $interface;; esac';
    const config = join(folder, 'dhclient.conf');
    writeFileSync(
      config,
      'request subnet-mask, routers, domain-name, domain-name-servers, host-name, ntp-servers, dhcp-renewal-time;\nsend host-name "tester";\n',
    );
    const files = [
      '-lf',
      join(folder, 'dhclient.leases'),
      '-pf',
      join(folder, 'dhclient.pid'),
      '-cf',
      config,
    ];
    return [
      'dhclient',
      '-4',
      '-d',
      '-sf',
      script('dhclient-script', sets),
      ...files,
      ...options,
      host.interface,
    ] as const;
  };

  test('gets an address, comes back for it, renews it and releases it', async () => {
    await serve({ leaseSeconds: 4 });
    const host = await plug();
    const capturing = await capture(host);
    const bound = nextStep('ack');
    const client = host.start(...dhclient(host));
    expect(await bound).toMatchObject({ mac: mac(host.mac), ip: FIRST });
    expect(server.leases()).toMatchObject([{ address: FIRST, hostname: 'tester' }]);
    const renewed = await nextStep('ack');
    expect(renewed.ip).toBe(FIRST);
    client.kill('SIGKILL');
    await once(client, 'exit');
    const rebooted = nextStep('ack');
    const again = host.start(...dhclient(host));
    await rebooted;
    again.kill('SIGKILL');
    await once(again, 'exit');
    const released = nextStep('released');
    await host.run(...dhclient(host, '-r'));
    await released;
    expect(leaseMacs()).toEqual([]);
    // DISCOVER, OFFER, REQUEST, ACK; renewal; INIT-REBOOT; RELEASE.
    expect(await dissect(await capturing.stop())).toEqual(['1', '2', '3', '5', '3', '5', '3', '5', '7']);
  });

  test('is refused an address of another network, and takes ours', async () => {
    await serve();
    const host = await plug();
    const lease = `lease { interface "${host.interface}"; fixed-address 192.168.77.9; option subnet-mask 255.255.255.0;
      renew 0 2035/12/30 00:00:00; rebind 0 2035/12/30 00:00:00; expire 0 2035/12/30 00:00:00; }\n`;
    writeFileSync(join(folder, 'dhclient.leases'), lease);
    const bound = nextStep('ack');
    host.start(...dhclient(host));
    expect((await bound).ip).toBe(FIRST);
    expect(events.map(({ step }) => step)).toEqual(['nak', 'offer', 'ack']);
  });
});

describeWith('udhcpc', { programs: [...NETWORK, 'udhcpc', 'tcpdump', 'tshark'], root: true }, () => {
  const udhcpc = (host: KernelHost, ...options: string[]) => {
    const sets = '[ "$1" = bound ] && ip addr replace $ip/24 dev $interface; set > "$0.$1"; exit 0';
    return ['udhcpc', '-f', '-i', host.interface, '-s', script('udhcpc-script', sets), ...options] as const;
  };

  test('as a PXE client sees the boot file; renews and releases on a signal', async () => {
    await serve();
    const host = await plug();
    const capturing = await capture(host);
    const pxe = [
      '-V',
      'PXEClient:Arch:00007',
      '-x',
      '0x5d:0007',
      '-O',
      'bootfile',
      '-O',
      'tftp',
      '-O',
      'search',
    ];
    const bound = nextStep('ack');
    const client = host.start(...udhcpc(host, ...pxe));
    expect((await bound).detail).toMatchObject({ arch: 'uefi-amd64', file: 'bootx64.efi' });
    await untilSays(client, 'lease of 10.77.0.100 obtained from 10.77.0.1, lease time 30');
    const renewed = untilSays(client, 'lease of 10.77.0.100 obtained');
    client.kill('SIGUSR1');
    await renewed;
    const released = nextStep('released');
    client.kill('SIGUSR2');
    await released;
    expect(await dissect(await capturing.stop())).toEqual(['1', '2', '3', '5', '3', '5', '7']);
    const { stdout: seen } = await host.run('cat', join(folder, 'udhcpc-script.bound'));
    for (const line of [
      "boot_file='bootx64.efi'",
      "siaddr='10.77.0.1'",
      "bootfile='bootx64.efi'",
      "router='10.77.0.1'",
      "domain='lab.example'",
      "search='lab.example'",
    ])
      expect(seen).toContain(line);
  });

  test('declines an address that somebody uses, and gets another', async () => {
    await serve();
    await plug({ address: '10.77.0.100/24' });
    const host = await plug();
    const declined = nextStep('declined');
    const bound = declined.then(() => nextStep('ack'));
    host.start(...udhcpc(host, '-a', '-A', '1'));
    expect((await declined).ip).toBe(FIRST);
    expect((await bound).ip).toBe(ipv4('10.77.0.101'));
    expect(leaseMacs()).toEqual([
      ['10.77.0.100', mac(host.mac), 'declined'],
      ['10.77.0.101', mac(host.mac), 'bound'],
    ]);
  });

  test('is never offered an address that answers ARP', async () => {
    await serve({ probeTimeoutMs: 250 });
    await plug({ address: '10.77.0.100/24' });
    const host = await plug();
    const bound = nextStep('ack');
    host.start(...udhcpc(host, '-q', '-a'));
    expect((await bound).ip).toBe(ipv4('10.77.0.101'));
    expect(events.map(({ step }) => step)).toEqual(['conflict', 'offer', 'ack']);
  });

  test('finds its address again after our restart', async () => {
    await serve();
    const [first, second] = [await plug(), await plug()];
    for (const host of [first, second]) await host.run(...udhcpc(host, '-q'));
    await server.dispose();
    await store.dispose();
    await serve();
    await second.run(...udhcpc(second, '-q'));
    expect(leaseMacs()).toEqual([
      ['10.77.0.100', mac(first.mac), 'bound'],
      ['10.77.0.101', mac(second.mac), 'bound'],
    ]);
  });
});

describeWith('another DHCP server', { programs: [...NETWORK, 'dnsmasq'], root: true }, () => {
  test('is found before ours is switched on', async () => {
    const host = await plug({ address: '10.77.0.7/24' });
    const search = { clock: systemClock, random: seededRandom(2), waitMs: 1000, attempts: 1 };
    expect(await findOtherDhcpServers(segment, search)).toEqual([]);
    const dnsmasq = host.start(
      ...['dnsmasq', '-d', '-C', '/dev/null', '-p', '0', '-u', 'root', '--no-ping', '-i', host.interface],
      ...['--dhcp-range=10.77.0.60,10.77.0.70,600', `--dhcp-leasefile=${join(folder, 'dnsmasq.leases')}`],
    );
    await untilSays(dnsmasq, 'DHCP, IP range');
    expect(await findOtherDhcpServers(segment, search)).toMatchObject([{ server: ipv4('10.77.0.7') }]);
  });
});

describeWith("npm's dhcp client", { programs: NETWORK, root: true }, () => {
  // Its REQUEST names neither the address nor the server (RFC 2131 table 5), so the exchange ends with our OFFER.
  const PROGRAM = `
    const client = require(process.argv[1]).createClient({ mac: process.argv[2], features: ['domainName'] });
    client.on('message', (data) => { console.log(JSON.stringify(data)); process.exit(0); });
    client.listen();
    client.on('listening', () => client.sendDiscover());
  `;

  test('reads our OFFER', async () => {
    await serve();
    // It asks for unicast replies, which a kernel takes only at an address that it has.
    const host = await plug({ address: '10.77.0.100/24', gateway: '10.77.0.1' });
    const entry = require.resolve('dhcp');
    const { stdout } = await host.run(
      process.execPath,
      '-e',
      PROGRAM,
      entry,
      host.mac.toUpperCase().replaceAll(':', '-'),
    );
    expect(JSON.parse(stdout)).toMatchObject({
      op: 2,
      yiaddr: '10.77.0.100',
      siaddr: '10.77.0.1',
      options: {
        1: '255.255.255.0',
        3: ['10.77.0.1'],
        6: ['10.77.0.1'],
        15: 'lab.example',
        51: 600,
        53: 2,
        54: '10.77.0.1',
      },
    });
  });
});
