import type { GrubWord } from './grub-lexer.ts';
import { type GrubStatement, parseGrub } from './grub-parser.ts';

/** What a configuration can ask of the GRUB that runs it. File names are as written, e.g. `/grub/x` or `(http,h)/x`. */
export interface GrubHost<File> {
  print(text: string): void;
  /** Reads a configuration file; null when there is none (the reason has been printed). */
  readConfig(name: string): Promise<string | null>;
  /** Downloads a kernel, initrd or loader. */
  load(name: string): Promise<File | null>;
  /** The device that holds `file` on a local disk (`search --file`), or null. */
  searchFile(file: string): string | null;
  /** `insmod`: whether the module is there, built in or loaded. */
  module(name: string): Promise<boolean>;
  sleep(ms: number): Promise<void>;
}

/** How GRUB ended. */
export type GrubEnd<File> =
  | {
      readonly kind: 'boot';
      readonly kernel: File;
      readonly commandLine: string;
      readonly initrds: readonly File[];
    }
  /** `chainloader` of a file: a path on a local disk or something downloaded. */
  | { readonly kind: 'chain'; readonly name: string }
  | { readonly kind: 'halt' | 'reboot' }
  /** `exit`: back to the firmware, which tries its next boot option. */
  | { readonly kind: 'exit' }
  /** Nothing to boot: GRUB stays at its prompt. */
  | { readonly kind: 'prompt' };

interface Entry {
  readonly title: string;
  readonly id: string | null;
  readonly body: readonly GrubStatement[];
}

const MAX_STEPS = 20_000;
const MAX_DEPTH = 16;

/** Runs GRUB configurations: reads the file, shows the menu, starts the default entry. */
export class GrubInterpreter<File> {
  readonly #host: GrubHost<File>;
  readonly #variables: Map<string, string>;
  #entries: Entry[] = [];
  #kernel: { file: File; commandLine: string } | null = null;
  #initrds: File[] = [];
  #chain: string | null = null;
  #status = 0;
  #steps = 0;
  #depth = 0;

  constructor(host: GrubHost<File>, variables: Readonly<Record<string, string>>) {
    this.#host = host;
    this.#variables = new Map(Object.entries(variables));
  }

  /** Runs configuration `name`, then its menu. */
  async run(name: string): Promise<GrubEnd<File>> {
    const end = await this.#config(name);
    return end ?? (await this.#menu());
  }

  async #config(name: string): Promise<GrubEnd<File> | null> {
    const source = await this.#host.readConfig(name);
    this.#status = source === null ? 1 : 0;
    if (source === null) return null;
    const statements = parseGrub(source);
    if (statements) return this.#block(statements);
    this.#host.print(`error: syntax error in ${name}.\n`);
    this.#status = 1;
    return null;
  }

  async #menu(): Promise<GrubEnd<File>> {
    const wanted = this.#variables.get('default') ?? '0';
    const entry =
      this.#entries[Number(wanted)] ??
      this.#entries.find(({ title, id }) => title === wanted || id === wanted);
    if (!entry) return { kind: 'prompt' };
    const timeout = Number(this.#variables.get('timeout') ?? Number.NaN);
    if (!(timeout === 0)) this.#host.print(this.#entries.map(({ title }) => `  ${title}\n`).join(''));
    // Without a timeout GRUB waits for a key for ever.
    if (Number.isNaN(timeout) || timeout < 0) return { kind: 'prompt' };
    if (timeout > 0) await this.#host.sleep(timeout * 1000);
    this.#host.print(`  Booting \`${entry.title}'\n\n`);
    this.#entries = [];
    const end = await this.#block(entry.body);
    if (end) return end;
    // What failed last keeps GRUB from booting by itself, as after an initrd that is missing.
    if (this.#status === 0) return this.#boot() ?? { kind: 'prompt' };
    this.#host.print('Press any key to continue...');
    return { kind: 'prompt' };
  }

  async #block(statements: readonly GrubStatement[]): Promise<GrubEnd<File> | null> {
    for (const statement of statements) {
      if (++this.#steps > MAX_STEPS) return { kind: 'prompt' };
      const end = await this.#statement(statement);
      if (end) return end;
    }
    return null;
  }

  async #statement(statement: GrubStatement): Promise<GrubEnd<File> | null> {
    switch (statement.kind) {
      case 'command':
        return this.#command(this.#expand(statement.words), statement.block);
      case 'for':
        for (const item of this.#expand(statement.items)) {
          this.#variables.set(statement.variable, item);
          const end = await this.#block(statement.body);
          if (end) return end;
        }
        return null;
      case 'if':
        for (const { condition, body } of statement.branches) {
          const end = await this.#block(condition);
          if (end) return end;
          if (this.#status === 0) return this.#block(body);
        }
        return this.#block(statement.otherwise);
    }
  }

  async #command(
    words: readonly string[],
    block: readonly GrubStatement[] | null,
  ): Promise<GrubEnd<File> | null> {
    const [command = '', ...rest] = words;
    this.#status = 0;
    switch (command) {
      case 'menuentry':
      case 'submenu':
        if (block) this.#entries.push(entryOf(rest, block));
        return null;
      case 'echo':
        this.#host.print(`${rest.filter((word) => word !== '-n').join(' ')}\n`);
        return null;
      case 'set':
        for (const assignment of rest) this.#assign(assignment);
        return null;
      case 'unset':
        this.#variables.delete(rest[0] ?? '');
        return null;
      case 'sleep':
        await this.#host.sleep(1000 * (Number(rest.at(-1)) || 0));
        return null;
      case '[':
      case 'test':
        this.#status = this.#test(command === '[' ? rest.slice(0, -1) : rest) ? 0 : 1;
        return null;
      case 'false':
        this.#status = 1;
        return null;
      case 'configfile':
      case 'source':
      case '.':
        return this.#include(command, rest[0] ?? '');
      case 'linux':
      case 'linuxefi':
      case 'linux16':
        return this.#linux(rest);
      case 'initrd':
      case 'initrdefi':
      case 'initrd16':
        return this.#initrd(rest);
      case 'search':
        return this.#search(rest);
      case 'chainloader':
        this.#chain = rest.at(-1) ?? null;
        return null;
      case 'boot':
        return this.#boot();
      case 'insmod':
        this.#status = (await this.#host.module(rest[0] ?? '')) ? 0 : 1;
        return null;
      case 'exit':
        return { kind: 'exit' };
      case 'halt':
        return { kind: 'halt' };
      case 'reboot':
        return { kind: 'reboot' };
      default:
        if (/^\w+=/.test(command)) this.#assign(command);
        else if (!QUIET.has(command)) {
          this.#host.print(`error: can't find command \`${command}'.\n`);
          this.#status = 1;
        }
        return null;
    }
  }

  #assign(assignment: string): void {
    const equals = assignment.indexOf('=');
    if (equals > 0) this.#variables.set(assignment.slice(0, equals), assignment.slice(equals + 1));
  }

  /** `configfile` shows the menu of the other file and never comes back; without entries it does. */
  async #include(command: string, name: string): Promise<GrubEnd<File> | null> {
    if (++this.#depth > MAX_DEPTH) return { kind: 'prompt' };
    const outer = this.#entries;
    if (command === 'configfile') this.#entries = [];
    let end = await this.#config(name);
    if (!end && command === 'configfile' && this.#entries.length > 0) end = await this.#menu();
    if (command === 'configfile') this.#entries = outer;
    this.#depth--;
    return end;
  }

  async #linux(words: readonly string[]): Promise<null> {
    const file = await this.#host.load(words[0] ?? '');
    if (file) {
      this.#kernel = { file, commandLine: words.slice(1).map(kernelWord).join(' ') };
      this.#initrds = [];
    } else this.#status = 1;
    return null;
  }

  async #initrd(names: readonly string[]): Promise<null> {
    if (!this.#kernel) {
      this.#host.print('error: you need to load the kernel first.\n');
      this.#status = 1;
      return null;
    }
    for (const name of names) {
      const file = await this.#host.load(name);
      if (file) this.#initrds.push(file);
      else this.#status = 1;
    }
    return null;
  }

  #search(words: readonly string[]): null {
    const device = this.#host.searchFile(words.at(-1) ?? '');
    const variable = words.find((word) => word.startsWith('--set'))?.split('=')[1] ?? 'root';
    if (device === null) {
      this.#host.print(`error: no such device: ${words.at(-1) ?? ''}.\n`);
      this.#status = 1;
    } else this.#variables.set(variable, device);
    return null;
  }

  #boot(): GrubEnd<File> | null {
    if (this.#chain !== null) return { kind: 'chain', name: this.#chain };
    if (this.#kernel)
      return {
        kind: 'boot',
        kernel: this.#kernel.file,
        commandLine: this.#kernel.commandLine,
        initrds: this.#initrds,
      };
    this.#host.print('error: you need to load the kernel first.\n');
    this.#status = 1;
    return null;
  }

  #test(words: readonly string[]): boolean {
    const [first, second, third] = words;
    if (first === '!') return !this.#test(words.slice(1));
    if (first === '-n') return (second ?? '') !== '';
    if (first === '-z') return (second ?? '') === '';
    if (first === '-f' || first === '-e' || first === '-s')
      return this.#host.searchFile(second ?? '') !== null;
    if (words.length === 1) return first !== '';
    const [left, right] = [Number(first), Number(third)];
    if (second === '=' || second === '==') return first === third;
    if (second === '!=') return first !== third;
    if (second === '-eq') return left === right;
    if (second === '-ne') return left !== right;
    if (second === '-lt') return left < right;
    return second === '-gt' && left > right;
  }

  #expand(words: readonly GrubWord[]): string[] {
    return words.flatMap((word) => {
      let results = [''];
      let written = false;
      for (const part of word) {
        const value =
          'text' in part
            ? part.text
            : part.variable === '?'
              ? String(this.#status)
              : (this.#variables.get(part.variable) ?? '');
        // Only an unquoted variable falls apart at its spaces, and only that may vanish.
        const [head = '', ...tail] = 'text' in part || part.quoted ? [value] : value.split(/\s+/);
        written ||= 'text' in part || part.quoted || value !== '';
        results = [...results.slice(0, -1), (results.at(-1) ?? '') + head, ...tail];
      }
      return written ? results : [];
    });
  }
}

/** A word with spaces reaches the kernel in quotes; quotes and backslashes get a backslash (GRUB's cmdline.c). */
function kernelWord(word: string): string {
  const escaped = word.replace(/['"\\]/g, '\\$&');
  return /\s/.test(word) ? `"${escaped}"` : escaped;
}

/** Commands that change nothing here. */
const QUIET = new Set([
  '',
  'true',
  'export',
  'clear',
  'normal',
  'terminal_input',
  'terminal_output',
  'serial',
  'loadfont',
  'rmmod',
  'background_color',
]);

function entryOf(words: readonly string[], body: readonly GrubStatement[]): Entry {
  const id = words.indexOf('--id');
  return { title: words[0] ?? '', id: id < 0 ? null : (words[id + 1] ?? null), body };
}
