import { expandIpxe, type IpxeLookup, type IpxeSetting, textSetting } from './ipxe-settings.ts';

/** A file that iPXE holds. `text` is its beginning, enough for a script. */
export interface IpxeImage {
  readonly uri: string;
  readonly text: string;
}

/** What a script can ask of the iPXE that runs it. */
export interface IpxeHost<Image extends IpxeImage> {
  readonly setting: IpxeLookup;
  print(text: string): void;
  /** Downloads `uri` (absolute); null after a failure that has been printed. */
  fetch(uri: string): Promise<Image | null>;
  /** Asks for an address again (`dhcp`, `ifconf`). */
  configure(): Promise<boolean>;
  sleep(ms: number): Promise<void>;
  /** Whether BIOS drive 0x80 + index holds something that starts. */
  bootable(driveIndex: number): boolean;
  /** Whether a CPUID feature bit is set: `edx` of leaf 1, or of 0x80000001 with `extended`; `ecx` where asked. */
  cpuFeature(query: CpuQuery): boolean;
}

export interface CpuQuery {
  readonly extended: boolean;
  readonly ecx: boolean;
  readonly bit: number;
}

/** How a script ended. */
export type IpxeEnd<Image> =
  | {
      readonly kind: 'boot';
      readonly kernel: Image;
      readonly commandLine: string;
      readonly initrds: readonly Image[];
    }
  | { readonly kind: 'drive'; readonly index: number }
  /** Something that is no script was chained: a loader. */
  | { readonly kind: 'chain'; readonly image: Image }
  | { readonly kind: 'poweroff' | 'reboot' | 'shell' }
  /** Ran to its end, left by `exit`, or stopped at a command that failed. */
  | { readonly kind: 'exit'; readonly ok: boolean };

const MAX_DEPTH = 16;
const MAX_STEPS = 20_000;

interface Chosen<Image> {
  readonly image: Image;
  readonly name: string;
  commandLine: string;
}

/**
 * Runs iPXE scripts: the commands that boot configurations use (ipxe.org/cmd). Settings made by `set`
 * and images survive from one chained script to the next, as in iPXE.
 */
export class IpxeInterpreter<Image extends IpxeImage> {
  readonly #host: IpxeHost<Image>;
  readonly #own = new Map<string, IpxeSetting>();
  #images: Chosen<Image>[] = [];
  #kernel: Chosen<Image> | null = null;
  #steps = 0;

  constructor(host: IpxeHost<Image>) {
    this.#host = host;
  }

  /** Runs `script`, which was read from `uri` (relative names start from there). */
  async run(script: string, uri: string, depth = 0): Promise<IpxeEnd<Image>> {
    const lines = script.replaceAll('\\\n', '').split(/\r?\n/);
    const frame: Frame = { lines, line: 1, uri, depth };
    for (; frame.line < lines.length; frame.line++) {
      if (++this.#steps > MAX_STEPS) return this.#fail('Script runs in circles');
      const result = await this.#line(lines[frame.line] ?? '', frame);
      if (typeof result !== 'boolean') return result;
      if (!result) return { kind: 'exit', ok: false };
    }
    return { kind: 'exit', ok: true };
  }

  readonly #lookup: IpxeLookup = (name) => this.#own.get(name) ?? this.#host.setting(name);

  /** One line: commands joined by `||`, `&&` and `;`, from left to right. */
  async #line(line: string, frame: Frame): Promise<Result<Image>> {
    if (/^\s*(#|:|$)/.test(line)) return true;
    let ok = true;
    let operator = ';';
    let words: string[] = [];
    for (const word of [...line.trim().split(/\s+/), ';']) {
      if (word !== '||' && word !== '&&' && word !== ';') {
        words.push(word);
        continue;
      }
      if (operator === ';' || ok === (operator === '&&')) {
        const expanded = words.map((each) => expandIpxe(each, this.#lookup));
        const result = expanded.length === 0 ? true : await this.#command(expanded, frame);
        if (typeof result !== 'boolean') return result;
        ok = result;
      }
      operator = word;
      words = [];
    }
    return ok;
  }

  async #command(words: readonly string[], frame: Frame): Promise<Result<Image>> {
    const [name = '', ...rest] = words;
    const { values, options } = splitOptions(rest);
    switch (name) {
      case 'echo':
        this.#host.print(`${values.join(' ')}\n`);
        return true;
      case 'set':
        return this.#set(values[0], values.slice(1).join(' '));
      case 'clear':
        return this.#own.delete(values[0] ?? '');
      case 'inc':
        return this.#set(values[0], `${Number(this.#text(values[0])) + Number(values[1] ?? 1)}`);
      case 'isset':
        return (values[0] ?? '') !== '';
      case 'iseq':
        return values[0] === values[1];
      case 'goto':
        return this.#goto(values[0] ?? '', frame);
      case 'cpuid':
        return this.#host.cpuFeature({
          extended: options.has('ext'),
          ecx: options.has('ecx'),
          bit: Number(values[0]),
        });
      case 'sleep':
        await this.#host.sleep(1000 * (Number(values[0]) || 0));
        return true;
      case 'dhcp':
      case 'ifconf':
      case 'autoboot':
        return this.#host.configure();
      case 'ifopen':
      case 'ifclose':
      case 'console':
      case 'colour':
      case 'cpair':
      case 'imgstat':
      case 'ifstat':
      case 'route':
        return true;
      case 'imgfree':
        return this.#free(values);
      case 'kernel':
      case 'imgselect':
      case 'imgload':
      case 'initrd':
      case 'module':
      case 'imgfetch':
        return this.#image(name, values, options, frame);
      case 'imgargs':
        return this.#arguments(values);
      case 'chain':
      case 'imgexec':
        return values.length === 0 ? this.#boot() : this.#chain(values, options, frame);
      case 'boot':
        return values.length === 0 ? this.#boot() : this.#chain(values, options, frame);
      case 'sanboot':
        return this.#sanboot(Number(options.get('drive') ?? 0x80) - 0x80);
      case 'exit':
        return { kind: 'exit', ok: (values[0] ?? '0') === '0' };
      case 'poweroff':
      case 'reboot':
      case 'shell':
        return { kind: name };
      default:
        this.#host.print(`${name}: command not found\n`);
        return false;
    }
  }

  #text(name: string | undefined): string {
    return expandIpxe(`\${${name ?? ''}}`, this.#lookup);
  }

  #set(name: string | undefined, value: string): boolean {
    if (name === undefined) return false;
    if (value === '') this.#own.delete(name);
    else this.#own.set(name.replace(/:\w+$/, ''), textSetting(value));
    return true;
  }

  #goto(label: string, frame: Frame): boolean {
    const target = frame.lines.findIndex((line) => line.trim() === `:${label}`);
    if (target < 0) {
      this.#host.print(`No such label: ${label}\n`);
      return false;
    }
    frame.line = target;
    return true;
  }

  async #image(
    command: string,
    values: readonly string[],
    options: Options,
    frame: Frame,
  ): Promise<Result<Image>> {
    const image = await this.#fetch(values[0], frame);
    if (!image) return false;
    const chosen = {
      image,
      name: options.get('name') ?? nameOf(image.uri),
      commandLine: values.slice(1).join(' '),
    };
    this.#images.push(chosen);
    if (command === 'kernel' || command === 'imgselect' || command === 'imgload') this.#kernel = chosen;
    return true;
  }

  #free(names: readonly string[]): boolean {
    this.#images = names.length === 0 ? [] : this.#images.filter(({ name }) => !names.includes(name));
    if (this.#kernel && !this.#images.includes(this.#kernel)) this.#kernel = null;
    return true;
  }

  #arguments(values: readonly string[]): boolean {
    const chosen = this.#images.find(({ name }) => name === values[0]);
    if (chosen) chosen.commandLine = values.slice(1).join(' ');
    else this.#host.print(`No such image: ${values[0] ?? ''}\n`);
    return chosen !== undefined;
  }

  async #chain(values: readonly string[], options: Options, frame: Frame): Promise<Result<Image>> {
    const held = this.#images.find(({ name }) => name === values[0]);
    if (held) {
      this.#kernel = held;
      return this.#boot();
    }
    const image = await this.#fetch(values[0], frame);
    if (!image) return false;
    if (!image.text.startsWith('#!ipxe')) return { kind: 'chain', image };
    if (frame.depth >= MAX_DEPTH) return this.#fail('Scripts chain too deep');
    const end = await this.run(image.text, image.uri, frame.depth + 1);
    // `chain --replace` never comes back to this script.
    return end.kind === 'exit' && !options.has('replace') ? end.ok : end;
  }

  #boot(): Result<Image> {
    const kernel = this.#kernel;
    if (!kernel) {
      this.#host.print('Could not boot: No such file or directory (http://ipxe.org/2d03e13b)\n');
      return false;
    }
    const initrds = this.#images.filter((each) => each !== kernel).map(({ image }) => image);
    return { kind: 'boot', kernel: kernel.image, commandLine: kernel.commandLine, initrds };
  }

  #sanboot(index: number): Result<Image> {
    this.#host.print(`Booting from SAN device 0x${(0x80 + index).toString(16)}\n`);
    if (this.#host.bootable(index)) return { kind: 'drive', index };
    this.#host.print('Boot from SAN device failed: Exec format error (http://ipxe.org/2e852001)\n');
    return false;
  }

  async #fetch(name: string | undefined, frame: Frame): Promise<Image | null> {
    const uri = resolveUri(name ?? '', frame.uri);
    if (uri !== null) return this.#host.fetch(uri);
    this.#host.print(`${name ?? ''}: Operation not supported (http://ipxe.org/3c092003)\n`);
    return null;
  }

  #fail(message: string): IpxeEnd<Image> {
    this.#host.print(`${message}\n`);
    return { kind: 'exit', ok: false };
  }
}

interface Frame {
  readonly lines: readonly string[];
  line: number;
  readonly uri: string;
  readonly depth: number;
}

type Result<Image> = boolean | IpxeEnd<Image>;
type Options = ReadonlyMap<string, string>;

/** Options that take the next word as their value; the others stand alone. */
const WITH_VALUE = new Set(['name', 'timeout', 'drive', 'default', 'key', 'mode', 'filename', 'retries']);

/** Options come before the first plain word, as iPXE's getopt stops there. */
function splitOptions(words: readonly string[]): { values: string[]; options: Options } {
  const options = new Map<string, string>();
  let at = 0;
  for (; words[at]?.startsWith('-') && words[at] !== '-'; at++) {
    const word = words[at] ?? '';
    if (word === '--') return { values: words.slice(at + 1), options };
    const [name = '', value] = word.replace(/^-+/, '').split('=', 2);
    if (value !== undefined) options.set(name, value);
    else options.set(name, WITH_VALUE.has(name) ? (words[++at] ?? '') : '');
  }
  return { values: words.slice(at), options };
}

/** The absolute form of a name in a script; null when it is none that can be fetched. */
export function resolveUri(name: string, base: string): string | null {
  const uri = URL.parse(name, base);
  return uri && /^(http|tftp):$/.test(uri.protocol) ? uri.href : null;
}

/** iPXE names an image by the last part of its path. */
function nameOf(uri: string): string {
  return decodeURIComponent(new URL(uri).pathname.split('/').pop() ?? '');
}
