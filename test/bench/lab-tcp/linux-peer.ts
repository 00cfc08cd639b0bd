import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Disposable } from '../../../src-main/base/disposable.ts';
import type { Fabric } from '../../../src-main/lab/switch/port.ts';
import { connectStreamCable } from '../../../src-main/lab/switch/stream-cable.ts';
import { connectUdpCable } from '../../../src-main/lab/switch/udp-cable.ts';

const run = promisify(execFile);

/** A Linux kernel in a network namespace, behind a QEMU without a machine that carries frames to and from its TAP. */
export interface LinuxPeer extends Disposable {
  /** Runs a program inside. */
  run(command: string, ...args: string[]): Promise<string>;
}

export type Cabling = 'stream' | 'dgram' | 'slirp';

/** With `slirp` the peer hangs on QEMU's own user-mode network instead of `fabric`; 10.0.2.2 is this machine. */
export async function plugLinuxPeer(fabric: Fabric, cabling: Cabling, address: string): Promise<LinuxPeer> {
  const name = `rbt${process.pid}${cabling}`;
  const device = `rt${process.pid}${cabling}`.slice(0, 15);
  const folder = mkdtempSync(join(tmpdir(), 'rackbox-lab-tcp-'));
  const cable = await lay(fabric, cabling, join(folder, 'frames'));
  await run('ip', ['netns', 'add', name]);
  const qemu = spawn(
    'qemu-system-x86_64',
    [
      ...['-machine', 'none', '-nodefaults', '-display', 'none', '-monitor', 'none', '-serial', 'none'],
      ...['-netdev', `tap,id=tap,ifname=${device},script=no,downscript=no,vnet_hdr=off`],
      ...['-netdev', cable.netdev],
      ...['-netdev', 'hubport,id=a,hubid=0,netdev=tap', '-netdev', 'hubport,id=b,hubid=0,netdev=cable'],
    ],
    // It warns that its hub has no NIC, which is the point of it.
    { stdio: 'ignore' },
  );
  const inside = (...args: string[]) => run('ip', ['netns', 'exec', name, ...args], { maxBuffer: 1 << 20 });
  await untilThere(device);
  await run('ip', ['link', 'set', device, 'netns', name]);
  await inside('sysctl', '-qw', `net.ipv6.conf.${device}.disable_ipv6=1`);
  await inside('ip', 'addr', 'add', address, 'dev', device);
  await inside('ip', 'link', 'set', device, 'up');
  return {
    run: async (command, ...args) => (await inside(command, ...args)).stdout,
    async dispose() {
      await end(qemu);
      await cable.dispose();
      await run('ip', ['netns', 'del', name]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Cable {
  readonly netdev: string;
  dispose(): Promise<void>;
}

async function lay(fabric: Fabric, cabling: Cabling, path: string): Promise<Cable> {
  if (cabling === 'slirp') return { netdev: 'user,id=cable', dispose: async () => undefined };
  if (cabling === 'dgram') {
    const cable = await connectUdpCable(fabric, 'linux');
    return {
      // Any local port will do: the cable takes the first sender for its device.
      netdev: `dgram,id=cable,remote.type=inet,remote.host=127.0.0.1,remote.port=${cable.localPort},local.type=inet,local.host=127.0.0.1,local.port=${cable.localPort + 1}`,
      dispose: async () => void (await cable.dispose()),
    };
  }
  const server = createServer((socket: Socket) => void connectStreamCable(fabric, 'linux', socket));
  server.listen(path);
  await once(server, 'listening');
  return {
    netdev: `stream,id=cable,server=off,addr.type=unix,addr.path=${path}`,
    dispose: async () => void server.close(),
  };
}

async function untilThere(device: string): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt++) {
    if (
      await run('ip', ['link', 'show', device]).then(
        () => true,
        () => false,
      )
    )
      return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`QEMU did not create ${device}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}
