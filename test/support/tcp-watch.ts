import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import type { TcpConnection } from '../../src-main/lab/host/tcp/index.ts';
import { RIGHT, type TcpPair } from './tcp-pair.ts';

/** Collects what a connection says. */
export function watch(connection: TcpConnection) {
  const seen = { data: [] as Buffer[], events: [] as string[], error: null as NodeJS.ErrnoException | null };
  connection.on('data', (chunk: Buffer) => seen.data.push(chunk));
  for (const event of ['connect', 'end', 'finish', 'close', 'timeout'])
    connection.on(event, () => seen.events.push(event));
  connection.on('error', (error) => {
    seen.error = error;
  });
  return Object.assign(seen, { text: () => Buffer.concat(seen.data).toString() });
}

export async function connected(
  pair: TcpPair,
  port = 80,
): Promise<{ client: TcpConnection; server: TcpConnection }> {
  let server: TcpConnection | null = null;
  const listener = pair.right.listen(port, (connection) => {
    server = connection;
  });
  const client = pair.left.connect(RIGHT, port);
  expect(await pair.until(() => server !== null && !client.connecting, 5000)).toBe(true);
  await listener.dispose();
  return { client, server: server as unknown as TcpConnection };
}

export function patterned(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 2654435761) >>> 13;
  return bytes;
}

export const sha = (data: Buffer | Buffer[]) => {
  const hash = createHash('sha256');
  for (const chunk of Array.isArray(data) ? data : [data]) hash.update(chunk);
  return hash.digest('hex');
};
