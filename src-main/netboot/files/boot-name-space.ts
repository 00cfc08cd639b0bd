import type { BootDirectory, BootFiles } from '../ports.ts';
import { bufferFile } from './buffer-file.ts';
import { configFiles } from './config-files.ts';
import { firmwareFiles } from './firmware-files.ts';

interface BootNameSpaceOptions {
  /** The folder of boot loaders, `resources/firmware`. */
  readonly firmwareFolder: string;
  readonly directory: BootDirectory;
  /** Boot images: asked with the path below `images/`. */
  readonly images: BootFiles;
}

/** GRUB's module lists: `<prefix>/x86_64-efi/command.lst` and so on. */
const GRUB_LIST = /(?:^|\/)grub\/(?:.*\/)?[a-z]+\.lst$/;

/** The one name space that TFTP and HTTP share: configurations, images below `images/`, boot loaders. */
export function bootNameSpace({ firmwareFolder, directory, images }: BootNameSpaceOptions): BootFiles {
  const configs = configFiles(directory);
  const loaders = firmwareFiles(firmwareFolder);
  return {
    async find(path, client) {
      const config = await configs.find(path, client);
      if (config) return config;
      if (path.startsWith('images/')) {
        const image = await images.find(path.slice('images/'.length), client);
        if (image) return image;
      }
      const loader = await loaders.find(path, client);
      if (loader) return loader;
      // A list that is missing stops GRUB's start with an error; an empty one does not.
      return client.transport === 'tftp' && GRUB_LIST.test(path) ? bufferFile('') : null;
    },
  };
}
