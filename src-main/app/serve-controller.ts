import { RackboxError } from '../base/errors.ts';
import { DEFAULT_LAB, defaultDataFolder, parseListen } from './configuration.ts';
import { type Controller, startController } from './controller.ts';
import { findInstallation } from './installation.ts';

export interface ServeOptions {
  readonly data?: string;
  readonly listen?: string;
  /** Folder of the running module, to find the installation by. */
  readonly moduleFolder?: string;
}

/** Starts the controller with its lab as the options say. Throws the catalogue's errors. */
export function startServing(options: ServeOptions): Promise<Controller> {
  return startController({
    configuration: {
      dataFolder: options.data ?? defaultDataFolder(process.platform, process.env),
      listen: parseListen(options.listen ?? '127.0.0.1:5240'),
      lab: DEFAULT_LAB,
    },
    installation: findInstallation(options.moduleFolder ?? import.meta.dirname),
  });
}

/**
 * Serves until the process is asked to end (SIGINT, SIGTERM). `json` announces readiness as one line for
 * programs, `text` for people. Ends the process with code 1 and a readable error when it can't start.
 */
export async function serve(options: ServeOptions & { announce: 'json' | 'text' }): Promise<void> {
  let controller: Controller;
  try {
    controller = await startServing(options);
  } catch (error) {
    if (!(error instanceof RackboxError)) throw error;
    console.error(`${error.message}\n${error.hint}`);
    process.exit(1);
  }
  console.log(
    options.announce === 'json'
      ? JSON.stringify({ ready: true, url: controller.url, pid: process.pid })
      : `Rackbox is running. Open ${controller.url}\nIts lab is kept in ${controller.dataFolder}. Ctrl-C ends it.`,
  );
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  await controller.dispose();
  process.exit(0);
}
