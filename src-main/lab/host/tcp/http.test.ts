import { createHash } from 'node:crypto';
import http from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { RIGHT, TcpPair, type Wire } from '../../../../test/support/tcp-pair.ts';

const servers: http.Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

function serve(pair: TcpPair, handler: http.RequestListener): http.Server {
  const server = http.createServer(handler);
  // Its own timers run on the wall's clock; the tests' time is virtual.
  server.requestTimeout = 0;
  server.headersTimeout = 0;
  servers.push(server);
  pair.right.listen(80, (connection) => server.emit('connection', connection));
  return server;
}

interface Answer {
  status: number;
  sha: string;
  length: number;
}

function request(pair: TcpPair, options: http.RequestOptions, body?: Buffer) {
  const result: { answer: Answer | null; error: Error | null } = { answer: null, error: null };
  const req = http.request(
    { createConnection: () => pair.left.connect(RIGHT, 80), host: '10.0.0.2', ...options },
    (res) => {
      const hash = createHash('sha256');
      let length = 0;
      res.on('data', (chunk: Buffer) => {
        hash.update(chunk);
        length += chunk.length;
      });
      res.on('end', () => {
        result.answer = { status: res.statusCode ?? 0, sha: hash.digest('hex'), length };
      });
    },
  );
  req.on('error', (error) => {
    result.error = error;
  });
  req.end(body);
  return result;
}

const sha = (data: Buffer) => createHash('sha256').update(data).digest('hex');

function patterned(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 2654435761) >>> 15;
  return bytes;
}

describe("Node's http over the lab's TCP", () => {
  const wires: [string, Partial<Wire>, number][] = [
    ['a perfect wire', {}, 8 << 20],
    ['a bad wire', { delayMs: 2, loss: 0.01, reorder: 0.02, reorderMs: 1, duplicate: 0.01 }, 2 << 20],
  ];
  for (const [name, wire, size] of wires)
    it(`downloads and uploads over ${name}`, async () => {
      const pair = new TcpPair(5, wire);
      const body = patterned(size);
      serve(pair, (req, res) => {
        if (req.method === 'GET') return void res.end(body);
        const hash = createHash('sha256');
        req.on('data', (chunk) => hash.update(chunk)).on('end', () => res.end(hash.digest('hex')));
      });
      const download = request(pair, { path: '/' });
      expect(await pair.until(() => download.answer !== null, 300_000)).toBe(true);
      expect(download.answer).toEqual({ status: 200, sha: sha(body), length: size });
      const upload = request(pair, { path: '/', method: 'PUT' }, body);
      expect(await pair.until(() => upload.answer !== null, 300_000)).toBe(true);
      expect(upload.answer?.sha).toBe(sha(Buffer.from(sha(body))));
    });

  it('serves a connection that is kept alive, request after request', async () => {
    const pair = new TcpPair();
    const ports = new Set<number | undefined>();
    serve(pair, (req, res) => {
      ports.add(req.socket.remotePort);
      res.end(req.url);
    });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    agent.createConnection = () => pair.left.connect(RIGHT, 80) as never;
    const { createConnection: _, ...viaAgent } = { createConnection: null, agent };
    for (let i = 0; i < 5; i++) {
      const result: { text: string | null } = { text: null };
      http.get({ ...viaAgent, host: '10.0.0.2', path: `/${i}` }, (res) => {
        let text = '';
        res
          .on('data', (d) => (text += d))
          .on('end', () => {
            result.text = text;
          });
      });
      expect(await pair.until(() => result.text !== null, 5000)).toBe(true);
      expect(result.text).toBe(`/${i}`);
    }
    expect(ports.size).toBe(1);
    expect(pair.left.counters.opened).toBe(1);
    agent.destroy();
    await pair.pass(5000);
    expect(pair.right.sizes.connections).toBe(0);
  });

  it('answers a bad request before it closes, and closes properly', async () => {
    const pair = new TcpPair();
    serve(pair, (_req, res) => res.end());
    const client = pair.left.connect(RIGHT, 80);
    let got = '';
    let ended = false;
    client
      .on('data', (d) => (got += d))
      .on('end', () => {
        ended = true;
        client.end();
      });
    client.write('NONSENSE\r\n\r\n');
    expect(await pair.until(() => ended, 5000)).toBe(true);
    expect(got).toMatch(/^HTTP\/1.1 400/);
  });

  it('tells the handler when the client goes away, and the client when the handler breaks off', async () => {
    const pair = new TcpPair();
    let closed = false;
    serve(pair, (req, res) => {
      res.on('close', () => {
        closed = true;
      });
      res.writeHead(200, { 'content-length': 1e9 });
      res.write(Buffer.alloc(100_000));
      if (req.url === '/break') setImmediate(() => res.destroy());
    });
    const client = pair.left.connect(RIGHT, 80);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    client.once('data', () => client.destroy());
    expect(await pair.until(() => closed, 5000)).toBe(true);
    let failure: Error | null = null;
    const req = http.get({ createConnection: () => pair.left.connect(RIGHT, 80), path: '/break' }, (res) =>
      res
        .on('error', (error) => {
          failure = error;
        })
        .resume(),
    );
    req.on('error', () => undefined);
    expect(await pair.until(() => failure !== null, 5000)).toBe(true);
  });

  it('lets a slow reader slow the server down', async () => {
    const pair = new TcpPair(
      1,
      {},
      { left: { receiveBufferBytes: 64 << 10 }, right: { sendBufferBytes: 64 << 10 } },
    );
    let sent = 0;
    serve(pair, (_req, res) => {
      const more = () => {
        while (sent < 4 << 20) {
          sent += 16384;
          if (!res.write(Buffer.alloc(16384))) return void res.once('drain', more);
        }
        res.end();
      };
      more();
    });
    const client = pair.left.connect(RIGHT, 80);
    client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await pair.pass(10_000);
    expect(sent).toBeLessThan(512 << 10);
    let read = 0;
    client.on('data', (d) => (read += d.length));
    expect(await pair.until(() => client.readableEnded, 60_000)).toBe(true);
    expect(read).toBeGreaterThan(4 << 20);
  });
});
