import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Cidr, cidr, type Ipv4, ipv4 } from '../base/address.ts';
import { rackboxError } from '../base/error-catalogue.ts';

/** Everything that differs between one start and another. */
export interface Configuration {
  readonly dataFolder: string;
  /** Where the API listens; null: nowhere (throw-away labs). */
  readonly listen: ListenAddress | null;
  readonly lab: LabNetwork | null;
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** The lab's network: nobody outside the process ever sees it. */
export interface LabNetwork {
  readonly cidr: Cidr;
  /** The controller's address on it. */
  readonly address: Ipv4;
  readonly pool: { readonly first: Ipv4; readonly last: Ipv4 };
}

const DEFAULT_LISTEN: ListenAddress = { host: '127.0.0.1', port: 5240 };

/** A /20 leaves room for a thousand PCs. */
export const DEFAULT_LAB: LabNetwork = {
  cidr: cidr('10.77.0.0/20'),
  address: ipv4('10.77.0.1'),
  pool: { first: ipv4('10.77.0.100'), last: ipv4('10.77.15.200') },
};

/** The boot HTTP server's port on every segment, as in MAAS. */
export const BOOT_HTTP_PORT = 5248;

/** The usual data folder of the platform. */
export function defaultDataFolder(platform: NodeJS.Platform, environment: NodeJS.ProcessEnv): string {
  if (environment.RACKBOX_DATA) return environment.RACKBOX_DATA;
  const home = homedir();
  if (platform === 'win32') return join(environment.APPDATA ?? join(home, 'AppData', 'Roaming'), 'Rackbox');
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'Rackbox');
  return join(environment.XDG_DATA_HOME ?? join(home, '.local', 'share'), 'rackbox');
}

/** Reads `HOST:PORT`, `[v6]:PORT` or `PORT`. Throws BAD_ARGUMENT. */
export function parseListen(text: string): ListenAddress {
  const match = /^(?:(?:\[([0-9a-fA-F:]+)\]|([A-Za-z0-9.-]+)):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65535)
    throw rackboxError('BAD_ARGUMENT', {
      what: `"${text}"`,
      problem: 'it is not HOST:PORT',
      hint: 'For example 127.0.0.1:5240.',
    });
  return { host: match[1] ?? match[2] ?? DEFAULT_LISTEN.host, port };
}
