import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** What perfdhcp saw of one server at one rate. */
export interface LoadResult {
  /** Exchanges per second asked for, and completed. */
  readonly offered: number;
  readonly completed: number;
  /** Share of messages without an answer, in percent. */
  readonly discoverDrops: number;
  readonly requestDrops: number;
  readonly discoverMs: number;
  readonly requestMs: number;
}

/** ISC's own rule for "as fast as it goes". */
const CLEAN_DROPS_PERCENT = 2.5;

export function isClean(result: LoadResult): boolean {
  return result.completed > 0 && Math.max(result.discoverDrops, result.requestDrops) <= CLEAN_DROPS_PERCENT;
}

/** Runs perfdhcp in a namespace for `seconds`: full exchanges from 50,000 clients, as through a relay. */
export async function runLoad(
  namespace: string,
  device: string,
  server: string,
  rate: number,
  seconds: number,
): Promise<LoadResult> {
  const load = [
    '-4',
    '-l',
    device,
    '-R',
    '50000',
    '-r',
    String(rate),
    '-p',
    String(seconds),
    '-W',
    '1',
    '-g',
    'multi',
  ];
  // Its exit status tells of drops, which are read from the text.
  const text = await promisify(execFile)('ip', ['netns', 'exec', namespace, 'perfdhcp', ...load, server], {
    maxBuffer: 16 << 20,
  }).then(
    ({ stdout }) => stdout,
    (error: { stdout?: string }) => error.stdout ?? '',
  );
  return parseReport(text, rate);
}

function parseReport(text: string, rate: number): LoadResult {
  const [, discover = '', request = ''] = text.split('***Statistics for:');
  const number = (part: string, name: string) =>
    Number(new RegExp(`${name}: *([\\d.]+)`).exec(part)?.[1] ?? 0);
  const drops = (part: string) => {
    const sent = number(part, 'sent packets');
    return sent === 0 ? 100 : (100 * (sent - number(part, 'received packets'))) / sent;
  };
  return {
    offered: rate,
    completed: number(text, 'Rate'),
    discoverDrops: drops(discover),
    requestDrops: drops(request),
    discoverMs: number(discover, 'avg delay'),
    requestMs: number(request, 'avg delay'),
  };
}
