import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** The folders of resources/micro-linux, each with a kernel and an initrd. */
export type Folder = 'i386' | 'amd64' | 'amd64-signed';

/** Where micro-linux's committed files are. */
export const microLinux = join(import.meta.dirname, '../../resources/micro-linux');

export interface MetadataRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string;
  readonly body: string;
}

/** What the server answers; null is 404. */
export type Answer = (request: MetadataRequest, base: string) => { status?: number; body?: string } | null;

/** An HTTP server on loopback, which a QEMU guest with user networking reaches as 10.0.2.2. */
export class MetadataServer {
  readonly requests: MetadataRequest[] = [];
  readonly #server: Server;
  base = '';

  constructor(answer: Answer) {
    this.#server = createServer(async (incoming, response) => {
      const request = {
        method: incoming.method ?? '',
        path: incoming.url ?? '',
        authorization: incoming.headers.authorization ?? '',
        body: await bodyOf(incoming),
      };
      this.requests.push(request);
      const { status = 200, body = '' } = answer(request, this.base) ?? { status: 404 };
      response.writeHead(status, { 'content-length': Buffer.byteLength(body) });
      response.end(body);
    });
  }

  async start(): Promise<void> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    this.base = `http://10.0.2.2:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  paths(method: string): string[] {
    return this.requests.filter((request) => request.method === method).map((request) => request.path);
  }
}

async function bodyOf(incoming: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of incoming) body += String(chunk);
  return body;
}

export interface BootOptions {
  readonly architecture: Folder;
  /** QEMU's device model of the network card. */
  readonly nic: string;
  readonly commandLine: string;
  /** More arguments of QEMU: disks, clocks, a monitor. */
  readonly devices?: readonly string[];
}

/** micro-linux in QEMU without acceleration, its serial port at hand. */
export class MicroLinuxPc {
  /** All that the serial port said. */
  output = '';
  readonly exited: Promise<number>;
  readonly #process: ChildProcess;
  #heard: () => void = () => {};

  constructor(options: BootOptions) {
    const { architecture } = options;
    const folder = join(microLinux, architecture);
    const devices = ['-netdev', 'user,id=n', '-device', `${options.nic},netdev=n,mac=52:54:00:ab:cd:ef`];
    this.#process = spawn(
      architecture === 'i386' ? 'qemu-system-i386' : 'qemu-system-x86_64',
      [
        ...[
          '-accel',
          'tcg',
          '-m',
          '256',
          '-nodefaults',
          '-vga',
          'std',
          '-display',
          'none',
          '-serial',
          'stdio',
        ],
        ...['-kernel', join(folder, 'boot-kernel'), '-initrd', join(folder, 'boot-initrd')],
        ...['-append', options.commandLine, ...devices, ...(options.devices ?? [])],
      ],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    this.#process.stdout?.on('data', (data: Buffer) => {
      this.output += data.toString().replaceAll('\r', '');
      this.#heard();
    });
    this.exited = once(this.#process, 'exit').then(([code]) => Number(code));
    this.exited.then(() => this.#heard());
  }

  /** Until the serial port says this. Fails with all it said when the PC is switched off first. */
  async says(expected: string | RegExp): Promise<void> {
    const found = () =>
      typeof expected === 'string' ? this.output.includes(expected) : expected.test(this.output);
    while (!found()) {
      if (this.#process.exitCode !== null) throw new Error(`never said ${expected}:\n${this.output}`);
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
  }

  types(text: string): void {
    this.#process.stdin?.write(text);
  }

  stop(): void {
    this.#process.kill('SIGKILL');
  }
}
