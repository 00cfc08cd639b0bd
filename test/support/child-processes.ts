import { readdirSync, readFileSync } from 'node:fs';

/** Command lines of this process's children whose program is called so; Linux only, empty elsewhere. */
export function childProcesses(program: string): string[] {
  const commandLines: string[] = [];
  for (const pid of children()) {
    try {
      const [command = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (command.split('/').at(-1) === program) commandLines.push([command, ...args].join(' '));
    } catch {
      // It ended while we looked.
    }
  }
  return commandLines;
}

function children(): string[] {
  try {
    return readdirSync('/proc/self/task').flatMap((thread) =>
      readFileSync(`/proc/self/task/${thread}/children`, 'latin1').split(' ').filter(Boolean),
    );
  } catch {
    return [];
  }
}
