import { parseConfigPath } from '../loaders/config-path.ts';
import { grubChain, grubConfig } from '../loaders/grub.ts';
import { ipxeChain, ipxeScript } from '../loaders/ipxe.ts';
import { pxelinuxConfig } from '../loaders/pxelinux.ts';
import type { BootClient, BootDirectory, BootFiles, BootPlan, Loader, ServerAddress } from '../ports.ts';
import { bufferFile } from './buffer-file.ts';

/**
 * The loaders' configurations, rendered when they are asked for. A machine that the directory does not know is
 * "not found" by its own name, so that its loader falls through to the default name, which is always answered.
 */
export function configFiles(directory: BootDirectory): BootFiles {
  return {
    async find(path, { transport, server }) {
      const request = parseConfigPath(path);
      if (!request) return null;
      const { loader } = request;
      switch (request.kind) {
        case 'chain':
          return bufferFile(chain(loader, server));
        case 'machine': {
          const { mac, uuid, arch } = request;
          const client: BootClient = { mac, uuid, arch, loader, transport, server };
          const plan = await directory.planFor(client);
          return plan && bufferFile(render(plan, client));
        }
        case 'default': {
          const client: BootClient = { mac: null, uuid: null, arch: request.arch, loader, transport, server };
          return bufferFile(render(await directory.defaultPlan(client), client));
        }
        case 'unserved':
          return null;
      }
    },
  };
}

function chain(loader: Loader, server: ServerAddress): string {
  return loader === 'ipxe' ? ipxeChain(server) : grubChain();
}

function render(plan: BootPlan, client: BootClient): string {
  switch (client.loader) {
    case 'ipxe':
      return ipxeScript(plan, client.server);
    case 'pxelinux':
      return pxelinuxConfig(plan, client);
    case 'grub':
      return grubConfig(plan);
  }
}
