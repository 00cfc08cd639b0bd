import { formatMac } from '../../../../base/address.ts';
import { sizeText } from '../firmware/post.ts';
import { diskDevice, nicPartOf, type SystemFacts } from '../hardware/resources.ts';
import type { Machine } from '../machine/machine.ts';

export type ShellEnd = 'poweroff' | 'reboot';

/** A line of input being typed: echoes, rubs out, hands over whole lines. */
class LineEditor {
  readonly #echo: (text: string) => void;
  readonly #onLine: (line: string) => void;
  #line = '';

  constructor(echo: (text: string) => void, onLine: (line: string) => void) {
    this.#echo = echo;
    this.#onLine = onLine;
  }

  type(text: string): void {
    for (const character of text.replaceAll('\r\n', '\n')) {
      if (character === '\n' || character === '\r') {
        const line = this.#line;
        this.#line = '';
        this.#echo('\n');
        this.#onLine(line);
      } else if (character === '\b' || character === '\x7f') {
        if (this.#line !== '') this.#echo('\b \b');
        this.#line = this.#line.slice(0, -1);
      } else if (character >= ' ' && this.#line.length < 1024) {
        this.#line += character;
        this.#echo(character);
      }
    }
  }
}

/** The login prompt's shell: a handful of commands that look at the machine. Resolves with what ends it. */
export function runShell(machine: Machine, facts: () => SystemFacts): Promise<ShellEnd> {
  const { terminal, signal } = machine;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const prompt = () => terminal.print(`root@${facts().hostname}:~# `);
    const editor = new LineEditor(
      (text) => terminal.print(text),
      (line) => {
        const command = line.trim();
        if (command === 'poweroff' || command === 'reboot') {
          stop();
          return resolve(command);
        }
        terminal.print(answer(command, machine, facts()));
        prompt();
      },
    );
    const input = terminal.onInput.on((text) => editor.type(text));
    const onAbort = () => {
      stop();
      reject(signal.reason);
    };
    const stop = () => {
      void input.dispose();
      signal.removeEventListener('abort', onAbort);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    prompt();
  });
}

/** What a command prints; for those it does not know, what a shell says. */
function answer(command: string, machine: Machine, facts: SystemFacts): string {
  const { spec, profile } = machine;
  switch (command.replace(/\s+/g, ' ')) {
    case '':
      return '';
    case 'hostname':
      return `${facts.hostname}\n`;
    case 'uname':
      return 'Linux\n';
    case 'uname -a':
      return `Linux ${facts.hostname} ${facts.kernelVersion} #1 SMP x86_64 GNU/Linux\n`;
    case 'ip addr':
    case 'ip a':
      return spec.nics
        .map(({ mac }, index) => {
          const held = facts.addresses.get(index);
          const inet = held ? `    inet ${held.address}/${held.prefix} scope global dynamic\n` : '';
          const { device } = nicPartOf(profile, index);
          return `${index + 2}: ${device}: <BROADCAST,MULTICAST,UP>\n    link/ether ${formatMac(mac)}\n${inet}`;
        })
        .join('');
    case 'cat /proc/cpuinfo':
      return Array.from({ length: spec.cpus }, (_, cpu) => cpuInfo(machine, cpu)).join('\n');
    case 'free':
    case 'free -m':
      return `      total  used  free  (MiB)\nMem: ${spec.memoryMb} ${spec.memoryMb >> 4} ${spec.memoryMb - (spec.memoryMb >> 4)}\n`;
    case 'lsblk':
      return spec.disks
        .map((disk, index) => `${diskDevice(profile, index)}  ${sizeText(disk.sizeBytes)}  disk\n`)
        .join('');
    case 'help':
      return 'uname, hostname, ip addr, cat /proc/cpuinfo, free, lsblk, reboot, poweroff\n';
    default:
      return `sh: ${command.split(' ')[0]}: not found (this PC is simulated; try help)\n`;
  }
}

function cpuInfo({ profile: { cpu } }: Machine, index: number): string {
  const [family, model, stepping] = cpu.signature;
  return [
    `processor\t: ${index}`,
    `vendor_id\t: ${cpu.vendor}`,
    `cpu family\t: ${family}`,
    `model\t\t: ${model}`,
    `model name\t: ${cpu.model}`,
    `stepping\t: ${stepping}`,
    `cpu MHz\t\t: ${cpu.mhz}.000`,
    `cpu cores\t: ${cpu.coresPerSocket}`,
    'flags\t\t: fpu tsc msr pae cx8 apic cmov mmx sse sse2 ht lm constant_tsc nx',
    '',
  ].join('\n');
}
