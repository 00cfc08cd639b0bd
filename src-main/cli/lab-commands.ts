import type { Command } from 'commander';
import { outcomeTable } from '../app/lab/lab-run.ts';
import { parsePcSelections } from '../app/lab/pc-selection.ts';
import { runLab } from '../app/lab/throw-away-lab.ts';
import { rackboxError } from '../base/error-catalogue.ts';

interface RunOptions {
  readonly pcs: string;
  readonly until: string;
  readonly speed: string;
  readonly timeout: string;
  readonly json?: boolean;
  readonly capture?: string;
}

export function addLabCommands(program: Command): void {
  const lab = program.command('lab').description('labs of virtual PCs');
  lab
    .command('run')
    .description('bring a throw-away lab up, boot its PCs, and say how each one fared')
    .option(
      '--pcs <list>',
      'kinds and counts, e.g. simulated:2,emulated:1,qemu:1,qemu-uefi:1',
      'simulated:2,emulated:1',
    )
    .option('--until <state>', 'what every PC must reach: booted', 'booted')
    .option('--speed <speed>', 'of simulated PCs: instant or real', 'instant')
    .option('--timeout <seconds>', 'give up after this long', '120')
    .option('--json', 'print the outcome as one line of JSON')
    .option('--capture <file>', 'record every frame of the lab to a pcap file')
    .action(runCommand);
}

async function runCommand(options: RunOptions): Promise<void> {
  const selections = parsePcSelections(options.pcs);
  oneOf('--until', options.until, ['booted']);
  oneOf('--speed', options.speed, ['instant', 'real']);
  const timeoutMs = Number(options.timeout) * 1000;
  if (!(timeoutMs > 0)) throw usage('--timeout', 'it is not a number of seconds');
  const interrupted = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupted.abort());

  const result = await runLab({
    selections,
    timeScale: options.speed === 'real' ? 1 : 0,
    timeoutMs,
    signal: interrupted.signal,
    ...(options.capture === undefined ? {} : { captureFile: options.capture }),
    ...(options.json ? {} : { onNews: (line: string) => console.error(line) }),
  });
  console.log(options.json ? JSON.stringify(result) : outcomeTable(result.pcs));
  process.exitCode = result.ok ? 0 : 1;
}

function oneOf(option: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) throw usage(option, `"${value}" is not one of ${allowed.join(', ')}`);
}

function usage(option: string, problem: string) {
  return rackboxError('BAD_ARGUMENT', {
    what: option,
    problem,
    hint: 'rackbox lab run --help lists the options.',
  });
}
