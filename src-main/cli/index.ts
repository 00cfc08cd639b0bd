import { Command } from 'commander';
import { RackboxError } from '../base/errors.ts';
import { addLabCommands } from './lab-commands.ts';
import { addServeCommand } from './serve-command.ts';

/** Exit codes: 0 done, 1 it did not work out, 2 the command line or the set-up is wrong. */
const program = new Command('rackbox')
  .description('Metal as a Service on your desk')
  .showHelpAfterError('(--help lists what there is)')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
addServeCommand(program);
addLabCommands(program);

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof RackboxError)) throw error;
  console.error(`${error.message}\n${error.hint}`);
  process.exit(2);
}
