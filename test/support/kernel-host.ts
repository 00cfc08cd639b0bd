import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { promisify } from 'node:util';
import type { Disposable } from '../../src-main/base/disposable.ts';
import type { Fabric } from '../../src-main/lab/switch/port.ts';
import { connectUdpCable, type UdpCable } from '../../src-main/lab/switch/udp-cable.ts';

const run = promisify(execFile);
let serial = 0;

/** A Linux kernel as a machine on the lab's switch: a network namespace with one TAP plugged in. */
export interface KernelHost extends Disposable {
  readonly namespace: string;
  readonly interface: string;
  readonly mac: string;
  readonly cable: UdpCable;
  /** Runs a program inside to its end; rejects when it fails. */
  run(command: string, ...args: string[]): Promise<{ stdout: string; stderr: string }>;
  /** Starts a program inside; it is ended on dispose at the latest. */
  start(command: string, ...args: string[]): ChildProcess;
}

export interface KernelHostOptions {
  /** With prefix, "10.77.0.9/24"; absent: the interface stays without an address (for DHCP clients). */
  readonly address?: string;
  readonly gateway?: string;
}

/**
 * Makes a namespace and plugs its TAP into `fabric` through socat (TAP ↔ UDP). Needs root, ip and socat;
 * everything it made is gone after `dispose`.
 */
export async function plugKernelHost(fabric: Fabric, options: KernelHostOptions = {}): Promise<KernelHost> {
  const id = `${process.pid}x${serial++}`;
  const namespace = `rbx${id}`;
  const device = `rt${id}`.slice(0, 15);
  // A silent kernel would never tell its port, so it is chosen here.
  const devicePort = await freeUdpPort();
  const cable = await connectUdpCable(fabric, `kernel-${id}`, { remotePort: devicePort });
  const children = new Set<ChildProcess>();

  await run('ip', ['netns', 'add', namespace]);
  const socat = spawn(
    'socat',
    [
      '-b',
      '65536',
      `TUN,tun-type=tap,tun-name=${device},iff-no-pi`,
      `UDP4:127.0.0.1:${cable.localPort},bind=127.0.0.1:${devicePort}`,
    ],
    { stdio: 'ignore' },
  );
  const socatEnded = new Promise<void>((resolve) => socat.once('exit', () => resolve()));
  await untilExists(device);
  await run('ip', ['link', 'set', device, 'netns', namespace]);
  const inside = (args: string[]) => ['netns', 'exec', namespace, ...args];
  await run('ip', inside(['ip', 'link', 'set', 'lo', 'up']));
  // Without IPv6 the kernel stays silent until a test speaks: no router solicitations in captures.
  await run('ip', inside(['sysctl', '-qw', `net.ipv6.conf.${device}.disable_ipv6=1`]));
  await run('ip', inside(['ip', 'link', 'set', device, 'up']));
  if (options.address) await run('ip', inside(['ip', 'addr', 'add', options.address, 'dev', device]));
  if (options.gateway) await run('ip', inside(['ip', 'route', 'add', 'default', 'via', options.gateway]));
  const link = JSON.parse((await run('ip', inside(['ip', '-j', 'link', 'show', device]))).stdout);

  return {
    namespace,
    interface: device,
    mac: String(link[0].address),
    cable,
    run: (command, ...args) => run('ip', inside([command, ...args]), { maxBuffer: 64 << 20 }),
    start(command, ...args) {
      const child = spawn('ip', inside([command, ...args]), { stdio: ['pipe', 'pipe', 'pipe'] });
      children.add(child);
      child.once('exit', () => children.delete(child));
      return child;
    },
    async dispose() {
      const ends = [...children].map(
        (child) => new Promise<void>((resolve) => child.once('exit', () => resolve())),
      );
      for (const child of children) child.kill('SIGKILL');
      await Promise.all(ends);
      socat.kill('SIGKILL');
      await socatEnded;
      await run('ip', ['netns', 'del', namespace]).catch(() => undefined);
      await cable.dispose();
    },
  };
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

/** socat says nothing when its TAP is there, so the kernel is asked. */
async function untilExists(device: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (
      await run('ip', ['link', 'show', device]).then(
        () => true,
        () => false,
      )
    )
      return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`socat did not create ${device}`);
}
