import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { missing } from '../../support/requirements.ts';

export interface RunningServer {
  readonly host: string;
  readonly port: number;
  readonly process: ChildProcess;
}

/** A TFTP server to measure; `start` resolves to null when it is not to be had. */
export interface TftpContestant {
  readonly name: string;
  start(folder: string, scratch: string): Promise<RunningServer | null>;
}

export const CONTESTANTS: readonly TftpContestant[] = [
  { name: 'Rackbox', start: startRackbox },
  {
    name: 'atftpd',
    async start(folder, scratch) {
      const program = programOf('atftpd', 'usr/sbin/atftpd', scratch);
      const args = [
        '--daemon',
        '--no-fork',
        '--port',
        '9169',
        '--bind-address',
        '127.0.0.1',
        '--verbose=0',
        folder,
      ];
      return program === null ? null : running(program, args, '127.0.0.1', 9169);
    },
  },
  {
    name: 'tftpd-hpa',
    async start(folder, scratch) {
      const program = programOf('tftpd-hpa', 'usr/sbin/in.tftpd', scratch);
      const args = ['-L', '--user', 'root', '--address', '127.0.0.1:9269', '--secure', folder];
      return program === null ? null : running(program, args, '127.0.0.1', 9269);
    },
  },
  {
    name: 'dnsmasq',
    // It only knows port 69, so it gets a loopback address of its own.
    async start(folder) {
      const args = [
        '--keep-in-foreground',
        '--conf-file=/dev/null',
        '--port=0',
        '--user=root',
        '--pid-file=',
      ];
      const tftp = [
        '--enable-tftp',
        `--tftp-root=${folder}`,
        '--listen-address=127.0.0.69',
        '--bind-interfaces',
      ];
      if (missing({ programs: ['dnsmasq'], root: true }).length > 0) return null;
      return running('dnsmasq', [...args, ...tftp], '127.0.0.69', 69);
    },
  },
];

async function startRackbox(folder: string): Promise<RunningServer> {
  const program = fileURLToPath(new URL('./rackbox-server.ts', import.meta.url));
  const child = spawn(process.execPath, [program, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  return { host: '127.0.0.1', port: Number(String(line)), process: child };
}

async function running(program: string, args: string[], host: string, port: number): Promise<RunningServer> {
  const child = spawn(program, args, {
    stdio: 'ignore',
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
  });
  // These say nothing when they are ready.
  await new Promise((resolve) => setTimeout(resolve, 500));
  return { host, port, process: child };
}

/** The installed program, or one unpacked from its package: atftpd and tftpd-hpa can't be installed together. */
function programOf(packageName: string, path: string, scratch: string): string | null {
  if (existsSync(`/${path}`)) return `/${path}`;
  const folder = join(scratch, packageName);
  mkdirSync(folder);
  if (spawnSync('apt-get', ['download', '-qq', packageName], { cwd: folder, stdio: 'ignore' }).status !== 0)
    return null;
  const archive = readdirSync(folder).find((name) => name.endsWith('.deb'));
  if (!archive || spawnSync('dpkg-deb', ['-x', archive, '.'], { cwd: folder }).status !== 0) return null;
  return join(folder, path);
}
