import { type ErrorDetails, type ErrorText, RackboxError } from './errors.ts';

/** The one list of error codes. Keep it sorted; a code is never renamed once released. */
const CATALOGUE = {
  ADDRESS_MISSING: {
    message: 'No interface {interface} with the address {address} is up on this machine.',
    hint: 'Set the address on the interface first, or choose another network.',
  },
  ALREADY_EXISTS: { message: 'There is already a {what} "{name}".', hint: 'Choose another name.' },
  BAD_ARGUMENT: { message: '{what} is not valid: {problem}.', hint: '{hint}' },
  CAPTURE_FAILED: {
    message: 'The capture file {file} cannot be written: {problem}.',
    hint: 'Check that the folder exists, is writable and has free space.',
  },
  DISPOSED: { message: '{what} has been closed.', hint: 'Start it again before using it.' },
  LAB_FILE_INVALID: {
    message: 'The lab file {file} cannot be read: {problem}.',
    hint: 'Mend the file, or move it away to start with the default lab.',
  },
  NOT_FOUND: { message: 'There is no {what} "{name}".', hint: 'Look at the list for the names that exist.' },
  PC_STATE: {
    message: '{name} is {state}, so it cannot {action}.',
    hint: 'Wait for the current power change, or switch the PC {wanted} first.',
  },
  PC_UNAVAILABLE: { message: '{kind} PCs cannot run here: {problem}.', hint: '{hint}' },
  PC_UNSUPPORTED: { message: 'A PC of kind {kind} cannot have {what}.', hint: '{hint}' },
  PORT_FORBIDDEN: {
    message: 'Port {port}/{protocol} on {where} may only be opened by a privileged program.',
    hint: '{hint}',
  },
  PORT_IN_USE: {
    message: 'Port {port}/{protocol} on {where} is already in use.',
    hint: 'Stop the other program, or choose another port.',
  },
  PROCESS_FAILED: { message: '{command} failed: {problem}.', hint: '{hint}' },
  RESOURCE_MISSING: {
    message: 'The file {file} is missing from the installation.',
    hint: 'Reinstall Rackbox, or rebuild the file with the script beside it.',
  },
  STORE_FAILED: {
    message: 'The database {file} cannot be used: {problem}.',
    hint: 'Check that the folder exists, is writable and has free space.',
  },
  STORE_IN_USE: {
    message: 'Another Rackbox already uses the database {file}.',
    hint: 'Open the one that runs, end it, or choose another folder with --data.',
  },
} as const satisfies Record<string, ErrorText>;

export type ErrorCode = keyof typeof CATALOGUE;

/** Makes the error of a code: `throw rackboxError('PORT_IN_USE', { port: 67, protocol: 'udp', where: '0.0.0.0' })`. */
export function rackboxError(code: ErrorCode, details: ErrorDetails = {}, cause?: unknown): RackboxError {
  return new RackboxError(code, CATALOGUE[code], details, cause);
}
