import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createApiServer } from '../api/http-server.ts';
import { systemClock } from '../base/clock.ts';
import { type Disposable, Disposables } from '../base/disposable.ts';
import { rackboxError } from '../base/error-catalogue.ts';
import { messageOf } from '../base/errors.ts';
import { systemRunner } from '../base/process-runner.ts';
import { secureRandom } from '../base/random.ts';
import { openLeaseBook } from '../domain/networks/lease-book.ts';
import { openStore } from '../store/store.ts';
import type { Configuration, ListenAddress } from './configuration.ts';
import type { Installation } from './installation.ts';
import { openLabFile } from './lab/lab-file.ts';
import { type Lab, startLab } from './lab/lab-network.ts';
import { specFor } from './lab/pc-defaults.ts';

export interface ControllerOptions {
  readonly configuration: Configuration;
  readonly installation: Installation;
}

/** The running controller. */
export interface Controller extends Disposable {
  /** The page's address with the start-up token in its fragment; '' when nothing listens. */
  readonly url: string;
  readonly dataFolder: string;
  readonly lab: Lab | null;
  dispose(): Promise<void>;
}

const TOKEN_BYTES = 24;

/** Turns a configuration into a running controller. All or nothing; throws the catalogue's errors. */
export async function startController({
  configuration,
  installation,
}: ControllerOptions): Promise<Controller> {
  const { dataFolder } = configuration;
  const started = new Disposables();
  try {
    await mkdir(dataFolder, { recursive: true }).catch((error: unknown) => {
      throw rackboxError('STORE_FAILED', { file: dataFolder, problem: messageOf(error) }, error);
    });
    const store = started.add(await openStore(join(dataFolder, 'rackbox.db')));
    const lab = configuration.lab
      ? started.add(
          await startLab({
            network: configuration.lab,
            installation,
            leaseBook: await openLeaseBook(store),
            folder: join(dataFolder, 'pcs'),
            clock: systemClock,
            random: secureRandom,
            runner: systemRunner,
          }),
        )
      : null;
    if (lab) await fillLab(lab, join(dataFolder, 'lab.json'));
    const url = configuration.listen
      ? await listen(configuration.listen, started, installation, lab, dataFolder)
      : '';
    return { url, dataFolder, lab, dispose: () => started.dispose() };
  } catch (error) {
    await started.dispose();
    throw error;
  }
}

async function fillLab(lab: Lab, path: string): Promise<void> {
  const file = await openLabFile(path);
  for (const request of file.pcs) await lab.service.add(specFor(request, lab.service.kind(request.kind)));
}

async function listen(
  { host, port }: ListenAddress,
  started: Disposables,
  installation: Installation,
  lab: Lab | null,
  dataFolder: string,
): Promise<string> {
  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  const named = host.includes(':') ? `[${host}]` : host;
  const server = await createApiServer({
    version: installation.version,
    guard: { token, hosts: new Set([named.toLowerCase(), 'localhost', '127.0.0.1', '[::1]']) },
    page: installation.page,
    lab: lab?.service ?? null,
  });
  started.defer(() => server.close());
  await server.listen({ host, port }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE')
      throw rackboxError('PORT_IN_USE', { port, protocol: 'tcp', where: host }, error);
    throw rackboxError(
      'BAD_ARGUMENT',
      {
        what: `The address ${named}:${port}`,
        problem: messageOf(error),
        hint: 'Choose another with --listen HOST:PORT.',
      },
      error,
    );
  });
  const bound = (server.server.address() as AddressInfo).port;
  const url = `http://${named}:${bound}/#token=${token}`;
  await announce(dataFolder, { url: `http://${named}:${bound}`, token, pid: process.pid }, started);
  return url;
}

/** Leaves word in the data folder where this controller is, readable by its owner only: the command line looks there. */
async function announce(
  folder: string,
  word: { url: string; token: string; pid: number },
  started: Disposables,
): Promise<void> {
  const path = join(folder, 'controller.json');
  await writeFile(path, `${JSON.stringify(word)}\n`, { mode: 0o600 });
  started.defer(() => rm(path, { force: true }));
}
