import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

const CHECKS = ['ip', 'udp', 'tcp'].flatMap((protocol) => ['-o', `${protocol}.check_checksum:TRUE`]);
/** Malformed, or with a checksum that tshark calculates differently. */
const SUSPICIOUS =
  '_ws.malformed || ip.checksum.status==0 || udp.checksum.status==0 || tcp.checksum.status==0 || icmp.checksum.status==0 || icmpv6.checksum.status==0';

/** One line for each packet of a capture that tshark finds wrong. Rejects when the file itself is. */
export async function suspiciousPackets(file: string): Promise<string[]> {
  const { stdout } = await tshark(file, [...CHECKS, '-Y', SUSPICIOUS]);
  return lines(stdout);
}

/** How many packets there are in a capture. */
export async function packetCount(file: string): Promise<number> {
  return lines((await tshark(file, ['-T', 'fields', '-e', 'frame.number'])).stdout).length;
}

function tshark(file: string, args: string[]): Promise<{ stdout: string }> {
  return run('tshark', ['-n', '-r', file, ...args], { maxBuffer: 64 << 20 });
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}
