import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  type Answer,
  type Folder,
  MetadataServer,
  MicroLinuxPc,
  microLinux,
} from '../support/micro-linux-boot.ts';
import { describeWith } from '../support/requirements.ts';

interface Manifest {
  readonly inputs: readonly { package: string; architecture: string; version: string; sha256?: string }[];
  readonly outputs: readonly { path: string; sizeBytes: number; sha256: string }[];
}
const manifest = JSON.parse(readFileSync(join(microLinux, 'MANIFEST.json'), 'utf8')) as Manifest;
const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

describe('the committed micro-linux', () => {
  test.each(manifest.outputs)('$path is what MANIFEST.json records', ({
    path,
    sizeBytes,
    sha256: recorded,
  }) => {
    const file = join(microLinux, path);
    expect([statSync(file).size, sha256(file)]).toEqual([sizeBytes, recorded]);
  });

  test('there are a kernel and an initrd for each architecture', () => {
    const paths = ['i386', 'amd64', 'amd64-signed'].flatMap((arch) => [
      `${arch}/boot-kernel`,
      `${arch}/boot-initrd`,
    ]);
    expect(manifest.outputs.map((output) => output.path).sort()).toEqual(paths.sort());
  });
});

/** `REBUILD=initrd` or `REBUILD=kernel` builds again what is committed: where the recorded packages are to be had. */
const rebuild = process.env.REBUILD;
if (rebuild === 'initrd' || rebuild === 'kernel')
  describe('build.sh', () => {
    const output = mkdtempSync(join(tmpdir(), 'micro-linux-'));
    afterAll(() => rmSync(output, { recursive: true }));

    test(`${rebuild}: the same inputs give the same bytes`, { timeout: 3_600_000 }, () => {
      const env = { ...process.env, OUTPUT: output };
      const { status } = spawnSync(join(microLinux, 'build.sh'), [rebuild], {
        env,
        stdio: ['ignore', 'inherit', 'inherit'],
      });
      expect(status).toBe(0);
      const made = manifest.outputs.filter(({ path }) => existsSync(join(output, path)));
      expect(made.map(({ path }) => [path, sha256(join(output, path))])).toEqual(
        made.map((file) => [file.path, file.sha256]),
      );
      expect(made.length).toBeGreaterThanOrEqual(2);
    });
  });

const REPORT = '#!/bin/sh\ncat /proc/partitions\n';
const PRESEED = '/MAAS/metadata/latest/by-id/abc/?op=get_preseed';

/** A preseed as MAAS writes it. */
function preseed(base: string, condition = 'test ! -e /tmp/block-poweroff'): string {
  return `#cloud-config
datasource:
  MAAS: {consumer_key: ck, metadata_url: '${base}/MAAS/metadata/',
    token_key: tk, token_secret: ts}
manage_etc_hosts: true
power_state: {condition: '${condition}', delay: now, mode: poweroff, timeout: 3600}
reporting:
  maas: {consumer_key: ck, endpoint: '${base}/MAAS/metadata/status/abc', token_key: tk, token_secret: ts,
    type: webhook}
`;
}

function maas(userData: string, condition?: string): Answer {
  return ({ method, path }, base) => {
    if (path === PRESEED) return { body: preseed(base, condition) };
    if (method === 'POST') return { status: 204 };
    const name = path.replace('/MAAS/metadata/2012-03-01/', '');
    const body = {
      'meta-data/instance-id': 'abc',
      'meta-data/local-hostname': 'swift-fox',
      'user-data': userData,
    }[name];
    return body === undefined ? null : { body };
  };
}

const QEMU = { programs: ['qemu-system-x86_64', 'qemu-system-i386'] };

describeWith('micro-linux in QEMU', QEMU, () => {
  let folder = '';
  let disk = '';
  let server: MetadataServer | undefined;
  let pc: MicroLinuxPc | undefined;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'micro-linux-'));
    disk = join(folder, 'disk.img');
    writeFileSync(disk, '');
    truncateSync(disk, 32 << 20);
  });
  afterEach(() => {
    pc?.stop();
    server?.stop();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function boot(
    architecture: Folder,
    answer: Answer,
    {
      nic = 'virtio-net-pci',
      devices = [],
      bootif = '01-52-54-00-ab-cd-ef',
    }: { nic?: string; devices?: string[]; bootif?: string } = {},
  ): Promise<{ server: MetadataServer; pc: MicroLinuxPc }> {
    server = new MetadataServer(answer);
    await server.start();
    const commandLine = [
      'nomodeset root=squash:http://x/squashfs ip=::::swift-fox:BOOTIF',
      `cc:{'datasource_list': ['MAAS']}end_cc cloud-config-url=${server.base}${PRESEED} BOOTIF=${bootif}`,
    ].join(' ');
    pc = new MicroLinuxPc({ architecture, nic, devices, commandLine });
    return { server, pc };
  }

  const drive = () => `file=${disk},format=raw`;
  const disks: Record<string, () => string[]> = {
    ide: () => ['-drive', `${drive()},if=ide`],
    ahci: () => [
      '-device',
      'ahci,id=a',
      '-drive',
      `${drive()},if=none,id=d`,
      '-device',
      'ide-hd,bus=a.0,drive=d',
    ],
    'virtio-blk': () => ['-drive', `${drive()},if=virtio`],
    'virtio-scsi': () => [
      '-device',
      'virtio-scsi-pci',
      '-drive',
      `${drive()},if=none,id=d`,
      '-device',
      'scsi-hd,drive=d',
    ],
    nvme: () => ['-drive', `${drive()},if=none,id=d`, '-device', 'nvme,serial=N1,drive=d'],
  };

  test.each([
    ['i386', 'ne2k_pci', 'ide', 'sda'],
    ['i386', 'e1000', 'ahci', 'sda'],
    ['i386', 'pcnet', 'virtio-blk', 'vda'],
    ['i386', 'virtio-net-pci', 'nvme', 'nvme0n1'],
    ['amd64', 'e1000e', 'virtio-scsi', 'sda'],
    ['amd64', 'virtio-net-pci', 'nvme', 'nvme0n1'],
    ['amd64-signed', 'e1000', 'ahci', 'sda'],
    ['amd64-signed', 'pcnet', 'nvme', 'nvme0n1'],
    ['amd64-signed', 'virtio-net-pci', 'virtio-blk', 'vda'],
  ] as const)('%s with %s and %s: runs its user-data and powers off', async (architecture, nic, kind, name) => {
    const { pc, server } = await boot(architecture, maas(REPORT), { nic, devices: disks[kind]?.() ?? [] });
    expect(await pc.exited).toBe(0);
    for (const line of [
      'userspace up',
      'eth0 has 10.0.2.15/24',
      'abc is swift-fox',
      'ended with status 0',
      'ready',
    ])
      expect(pc.output).toContain(line);
    expect(pc.output).toMatch(new RegExp(`32768 ${name}\\n`));
    const asked = server.paths('GET').map((path) => path.replace('/MAAS/metadata/2012-03-01/', ''));
    expect(asked.slice(0, 4)).toEqual([
      PRESEED,
      'meta-data/instance-id',
      'meta-data/local-hostname',
      'user-data',
    ]);
    expect(asked.slice(4)).toEqual(['meta-data/public-keys', 'vendor-data']);
  });

  test('signs what it asks for, and reports each stage in order', async () => {
    const { pc, server } = await boot('i386', maas('#!/bin/sh\nexit 7\n'), {
      bootif: '01-52:54:00:AB:CD:EF',
    });
    await pc.exited;
    const userData = server.requests.find((request) => request.path.endsWith('/user-data'));
    expect(userData?.authorization).toMatch(
      /^OAuth oauth_version="1.0", oauth_signature_method="PLAINTEXT", oauth_consumer_key="ck", oauth_token="tk", oauth_signature="%26ts", oauth_nonce="[\d.]+", oauth_timestamp="\d+"$/,
    );
    const events = server.requests.filter((request) => request.method === 'POST');
    expect(
      events.every((event) => event.authorization === '' || event.authorization.includes('oauth_token="tk"')),
    ).toBe(true);
    const told = events.map((event) => JSON.parse(event.body) as Record<string, unknown>);
    expect(told.map((event) => [event.event_type, event.name, event.result])).toEqual([
      ['start', 'init-local', undefined],
      ['finish', 'init-local', 'SUCCESS'],
      ['start', 'init-network', undefined],
      ['finish', 'init-network', 'SUCCESS'],
      ['start', 'modules-final', undefined],
      ['finish', 'modules-final', 'FAIL'],
    ]);
    expect(pc.output).toContain('user-data ended with status 7');
  });

  test('says what fails and tries again; sets a wrong clock; stays up with a shell when asked to', async () => {
    let preseeds = 0;
    let timestamp = 0;
    const good = maas('#cloud-config\nruncmd:\n  - echo "one   two"\n  - [echo, "three   four"]\n', 'false');
    const { pc } = await boot(
      'i386',
      (request, base) => {
        if (request.path === PRESEED && ++preseeds === 1) return { status: 503 };
        if (request.path === PRESEED && preseeds === 2) return { body: '<html>' };
        timestamp = Number(/oauth_timestamp="(\d+)"/.exec(request.authorization)?.[1] ?? timestamp);
        return good(request, base);
      },
      { devices: ['-rtc', 'base=2020-01-01'] },
    );
    await pc.says('rackbox: ready');
    expect(pc.output).toMatch(/cloud-config: HTTP\/1.1 503 Service Unavailable; again in 1 s/);
    expect(pc.output).toContain("does not start with #cloud-config but with '<html>'; again in 2 s");
    expect(pc.output).toMatch(/clock was off by \d+ s/);
    expect(timestamp).toBeGreaterThan(Date.parse('2025-01-01') / 1000);
    expect(pc.output).toContain('one   two\nthree   four\n');
    await pc.says('swift-fox:~# ');
    pc.types('echo $((6 * 7)); poweroff -f\n');
    await pc.says('\n42\n');
    expect(await pc.exited).toBe(0);
  });

  test.each([
    'i386',
    'amd64',
    'amd64-signed',
  ] as const)('%s: the power button switches it off', async (architecture) => {
    const monitor = join(folder, `${architecture}.monitor`);
    const { pc } = await boot(architecture, maas('', 'false'), {
      devices: ['-monitor', `unix:${monitor},server=on,wait=off`],
    });
    await pc.says('rackbox: ready');
    execFileSync('socat', ['-', `UNIX-CONNECT:${monitor}`], { input: 'system_powerdown\n' });
    expect(await pc.exited).toBe(0);
  });
});
