import { rackboxError } from '../../base/error-catalogue.ts';
import { messageOf } from '../../base/errors.ts';

/** What was to be opened, for the error's words. */
export interface Door {
  readonly protocol: 'udp' | 'tcp';
  readonly port: number;
  readonly interface: string;
  readonly address: string;
}

/** The catalogue's error for what the system says when a port cannot be opened. */
export function bindError(error: unknown, door: Door, platform: NodeJS.Platform, program: string): Error {
  const details = detailsOf(door);
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return portInUse(door, error);
    case 'EACCES':
    case 'EPERM':
      return rackboxError('PORT_FORBIDDEN', { ...details, hint: privilegeHint(platform, program) }, error);
    case 'EADDRNOTAVAIL':
      return rackboxError('ADDRESS_MISSING', { interface: door.interface, address: door.address }, error);
    default:
      return rackboxError(
        'BAD_ARGUMENT',
        {
          what: `Port ${door.port}/${door.protocol} on ${details.where}`,
          problem: messageOf(error),
          hint: 'Choose another port or interface.',
        },
        error,
      );
  }
}

export function portInUse(door: Door, cause?: unknown): Error {
  return rackboxError('PORT_IN_USE', detailsOf(door), cause);
}

function detailsOf({ port, protocol, address, interface: name }: Door) {
  return { port, protocol, where: `${address} (${name})` };
}

function privilegeHint(platform: NodeJS.Platform, program: string): string {
  switch (platform) {
    case 'linux':
      return `Allow it once: sudo setcap cap_net_bind_service=+ep ${program}`;
    case 'win32':
      return 'Windows keeps this port for itself or for another program: see netsh int ipv4 show excludedportrange udp.';
    default:
      return 'Start the controller with sudo, without the desktop: sudo rackbox serve.';
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
