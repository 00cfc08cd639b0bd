import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Namespaces, type RunningProgram } from '../support/namespaces.ts';
import { describeWith } from '../support/requirements.ts';

const SERVER = path.resolve('test/support/nic-controller.ts');
const PC = '52:54:00:00:00:0c';

/** A lab network on a bridge, and a home network that has the default route. */
describeWith(
  'a real network by one of several interfaces',
  { programs: ['qemu-system-x86_64', 'ip', 'tcpdump', 'busybox', 'ping'], root: true },
  () => {
    const spaces = new Namespaces('n');
    let server: RunningProgram;
    let home: RunningProgram;
    let folder: string;

    beforeAll(async () => {
      folder = await mkdtemp(path.join(tmpdir(), 'rackbox-nic-'));
      for (const name of ['rack', 'home', 'lab']) await spaces.add(name);
      const rack = (command: string) => spaces.ip('rack', command);
      await rack('link add br0 type bridge');
      await rack('tuntap add dev tap0 mode tap');
      await rack(`link add port1 type veth peer name eth0 netns ${spaces.real('lab')}`);
      await rack(`link add veth0 type veth peer name eth0 netns ${spaces.real('home')}`);
      for (const port of ['tap0', 'port1']) await rack(`link set ${port} master br0`);
      for (const device of ['br0', 'tap0', 'port1', 'veth0']) await rack(`link set ${device} up`);
      await rack('addr add 10.77.0.1/24 dev br0');
      await rack('addr add 192.168.1.2/24 dev veth0');
      await spaces.ip('home', 'addr add 192.168.1.50/24 dev eth0');
      for (const name of ['home', 'lab']) await spaces.ip(name, 'link set eth0 up');
      await rack('route add default via 192.168.1.50');

      home = spaces.start('home', 'tcpdump', '-lnU', '-i', 'eth0', 'udp port 67 or udp port 68');
      server = spaces.start('rack', process.execPath, SERVER, 'br0', '10.77.0.1', '10.77.0.0/24');
      await home.line((line) => line.includes('listening on'), 20_000);
      await server.line((line) => line.includes('"ready"'), 20_000);
    });
    afterAll(async () => {
      await spaces.dispose();
      await rm(folder, { recursive: true, force: true });
    });

    const told = (mac: string, phase: string, step: string, withinMs: number) =>
      server.line((line) => {
        if (!line.startsWith('{"at"')) return false;
        const event = JSON.parse(line);
        return (
          event.phase === phase &&
          event.step === step &&
          event.mac === Number.parseInt(mac.replaceAll(':', ''), 16)
        );
      }, withinMs);

    const probe = async (address: string) => {
      server.child.stdin?.write(`probe ${address} 1000\n`);
      return JSON.parse(await server.line((line) => line.includes(`"address":"${address}"`), 10_000)).used;
    };

    const answersOnHomeNetwork = () => home.lines.filter((line) => /\.67 > /.test(line));

    it('gives a Linux client an address, and renews it by unicast', async () => {
      const script = path.join(folder, 'udhcpc.sh');
      await writeFile(
        script,
        '#!/bin/sh\n[ "$1" != bound ] || exec ip addr replace $ip/24 dev $interface\n',
        {
          mode: 0o755,
        },
      );
      const wire = spaces.start('lab', 'tcpdump', '-lnU', '-i', 'eth0', 'udp port 67');
      await wire.line((line) => line.includes('listening on'), 20_000);
      const client = spaces.start('lab', 'busybox', 'udhcpc', '-i', 'eth0', '-s', script, '-f');
      await client.line((line) => /lease of 10\.77\.0\.1\d\d obtained from 10\.77\.0\.1/.test(line), 20_000);
      client.child.kill('SIGUSR1'); // "renew now"
      await wire.line((line) => /10\.77\.0\.1\.67 > 10\.77\.0\.1\d\d\.68/.test(line), 20_000);
      client.child.kill('SIGKILL');
    });

    it('knows which addresses are in use, by ARP', async () => {
      await spaces.ip('lab', 'addr add 10.77.0.60/24 dev eth0');
      // A host that answers no echo is there all the same.
      await spaces.run('lab', 'sysctl', '-qw', 'net.ipv4.icmp_echo_ignore_all=1');
      expect(await probe('10.77.0.60')).toBe(true);
      expect(await probe('10.77.0.61')).toBe(false);
      expect(await probe('10.77.0.1')).toBe(true);
    });

    it('boots a PC on a TAP, and answers nobody on the home network', async () => {
      const discovers = spaces.start(
        'home',
        'busybox',
        'udhcpc',
        '-i',
        'eth0',
        '-s',
        '/bin/true',
        '-n',
        '-f',
        '-t',
        '8',
        '-T',
        '1',
      );
      spaces.start(
        'rack',
        'qemu-system-x86_64',
        ...['-machine', 'pc', '-accel', 'tcg', '-m', '512', '-nodefaults', '-display', 'none', '-no-reboot'],
        ...['-netdev', 'tap,id=n0,ifname=tap0,script=no,downscript=no'],
        ...['-device', `virtio-net-pci,netdev=n0,mac=${PC},bootindex=1`],
      );
      await told(PC, 'dhcp', 'ack', 60_000);
      await told(PC, 'kernel', 'done', 90_000);
      await told(PC, 'initrd', 'done', 60_000);
      await discovers.line((line) => line.includes('no lease'), 30_000);
      expect(
        home.lines.filter((line) => line.includes('0.0.0.0.68 > 255.255.255.255.67')).length,
      ).toBeGreaterThan(3);
      expect(answersOnHomeNetwork()).toEqual([]);
    });

    it('would be caught if it did', async () => {
      const naive = `const s = require('node:dgram').createSocket({ type: 'udp4', reuseAddr: true });
        s.bind(67, '0.0.0.0', () => { s.setBroadcast(true); s.send('leak', 68, '255.255.255.255', () => s.close()); });`;
      await spaces.run('rack', process.execPath, '-e', naive);
      await home.line((line) => /192\.168\.1\.2\.67 > 255\.255\.255\.255\.68/.test(line), 10_000);
      expect(answersOnHomeNetwork()).toHaveLength(1);
    });
  },
);
