// biome-ignore-all lint/suspicious/noTemplateCurlyInString: iPXE writes its variables so
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type IpxeHost, type IpxeImage, IpxeInterpreter, resolveUri } from './ipxe-script.ts';
import { expandIpxe, formatIpxe, type IpxeSetting, textSetting } from './ipxe-settings.ts';

const SETTINGS: Record<string, IpxeSetting> = {
  mac: { bytes: Uint8Array.of(0x52, 0x54, 0, 0xaa, 0xbb, 1), type: 'hex' },
  'net0/ip': { bytes: Uint8Array.of(10, 77, 0, 20), type: 'ipv4' },
  'next-server': { bytes: Uint8Array.of(10, 77, 0, 1), type: 'ipv4' },
  buildarch: textSetting('x86_64'),
  spaced: textSetting('two words'),
};

class FakeHost implements IpxeHost<IpxeImage> {
  printed = '';
  readonly fetched: string[] = [];
  slept = 0;
  readonly #files: Record<string, string>;
  readonly #drives: number[];

  constructor(files: Record<string, string> = {}, drives: number[] = []) {
    this.#files = files;
    this.#drives = drives;
  }

  setting = (name: string) => SETTINGS[name];
  print(text: string) {
    this.printed += text;
  }
  async fetch(uri: string) {
    this.fetched.push(uri);
    const text = this.#files[uri];
    return text === undefined ? null : { uri, text };
  }
  async configure() {
    return true;
  }
  async sleep(ms: number) {
    this.slept += ms;
  }
  bootable = (index: number) => this.#drives.includes(index);
  cpuFeature = ({ extended, bit }: { extended: boolean; bit: number }) => extended && bit === 29;
}

const BASE = 'http://10.77.0.1:5248/ipxe.cfg';

async function run(script: string, host = new FakeHost()) {
  const end = await new IpxeInterpreter(host).run(`#!ipxe\n${script}`, BASE);
  return { end, host };
}

async function printed(script: string): Promise<string> {
  return (await run(script)).host.printed;
}

describe('settings', () => {
  test('expand with types, nested, and to nothing when unset', () => {
    const expand = (text: string) => expandIpxe(text, (name) => SETTINGS[name]);
    expect(expand('cfg-${mac}')).toBe('cfg-52:54:00:aa:bb:01');
    expect(expand('${mac:hexhyp} ${mac:hexraw}')).toBe('52-54-00-aa-bb-01 525400aabb01');
    expect(expand('http://${next-server}:5248/${net0/ip}')).toBe('http://10.77.0.1:5248/10.77.0.20');
    expect(expand('[${nothing}] [${nothing:hex}] ${unclosed')).toBe('[] [] ${unclosed');
    expect(expand('${spaced:uristring}')).toBe('two%20words');
  });

  test('numbers are read big-endian', () => {
    expect(formatIpxe(Uint8Array.of(0xff, 0xfe), 'int16')).toBe('-2');
    expect(formatIpxe(Uint8Array.of(1, 2, 3, 4), 'uint16')).toBe('0x304');
    expect(formatIpxe(Uint8Array.of(7), 'int32')).toBe('7');
  });
});

describe('flow', () => {
  test('|| and && go from left to right; a failing line ends the script', async () => {
    expect(await printed('isset ${mac} && echo yes || echo no')).toBe('yes\n');
    expect(await printed('isset ${nothing} && echo yes || echo no')).toBe('no\n');
    expect(await printed('iseq a b || iseq a a && echo both ; echo end')).toBe('both\nend\n');
    const { end, host } = await run('echo one\niseq a b\necho never');
    expect([end, host.printed]).toEqual([{ kind: 'exit', ok: false }, 'one\n']);
  });

  test('labels, set, inc and loops', async () => {
    const script = 'set i:int32 0\n:again\ninc i\necho ${i}\niseq ${i} 3 || goto again\necho done';
    expect(await printed(script)).toBe('1\n2\n3\ndone\n');
    expect(await printed('goto nowhere')).toBe('No such label: nowhere\n');
    expect((await run(':a\ngoto a')).host.printed).toBe('Script runs in circles\n');
  });

  test('a value with a space stays one word', async () => {
    expect(await printed('iseq ${spaced} ${spaced} && echo same')).toBe('same\n');
  });

  test('cpuid, sleep, exit, poweroff, shell', async () => {
    expect(await printed('cpuid --ext 29 && set arch amd64 || set arch i386\necho ${arch}')).toBe('amd64\n');
    expect((await run('sleep 2')).host.slept).toBe(2000);
    expect((await run('exit 1')).end).toEqual({ kind: 'exit', ok: false });
    expect((await run('poweroff')).end).toEqual({ kind: 'poweroff' });
    expect((await run('unknown-thing || shell')).end).toEqual({ kind: 'shell' });
  });
});

describe('images', () => {
  const K = 'http://10.77.0.1:5248/images/boot-kernel';
  const I = 'http://10.77.0.1:5248/images/boot-initrd';

  test('kernel, imgargs, initrd, boot', async () => {
    const host = new FakeHost({ [K]: 'kernel', [I]: 'initrd' });
    const script = `kernel /images/boot-kernel\nimgargs boot-kernel ro BOOTIF=01-\${mac}\ninitrd ${I}\nboot`;
    const { end } = await run(script, host);
    expect(end).toEqual({
      kind: 'boot',
      kernel: { uri: K, text: 'kernel' },
      commandLine: 'ro BOOTIF=01-52:54:00:aa:bb:01',
      initrds: [{ uri: I, text: 'initrd' }],
    });
  });

  test('chains to a script and comes back when that one fails', async () => {
    const host = new FakeHost({ 'http://10.77.0.1:5248/other': '#!ipxe\necho other\nexit 1' });
    await run('chain other || echo back', host);
    expect(host.printed).toBe('other\nback\n');
  });

  test('tries the next name after a missing file', async () => {
    const host = new FakeHost({ 'http://10.77.0.1:5248/ipxe.cfg-default-amd64': '#!ipxe\necho default' });
    await run('chain http://${next-server}:5248/ipxe.cfg-${mac} || chain ipxe.cfg-default-amd64', host);
    expect(host.fetched.map((uri) => uri.split('/').pop())).toEqual([
      'ipxe.cfg-52:54:00:aa:bb:01',
      'ipxe.cfg-default-amd64',
    ]);
    expect(host.printed).toBe('default\n');
  });

  test('a chained loader is handed out', async () => {
    const { end } = await run(`chain ${K}`, new FakeHost({ [K]: 'MZ' }));
    expect(end).toMatchObject({ kind: 'chain', image: { uri: K } });
  });

  test('scripts that chain themselves end', async () => {
    const { end } = await run(`chain ${BASE}`, new FakeHost({ [BASE]: `#!ipxe\nchain ${BASE}` }));
    expect(end).toEqual({ kind: 'exit', ok: false });
  });

  test('sanboot starts the first drive that can', async () => {
    const { end } = await run(
      'sanboot --no-describe --drive 0x80 || sanboot --no-describe --drive 0x81',
      new FakeHost({}, [1]),
    );
    expect(end).toEqual({ kind: 'drive', index: 1 });
  });
});

test('only http and tftp can be fetched', () => {
  expect(resolveUri('x', 'tftp://10.0.0.1/a/b')).toBe('tftp://10.0.0.1/a/x');
  expect(resolveUri('file:///etc/passwd', BASE)).toBeNull();
  expect(resolveUri('http://[', BASE)).toBeNull();
  // A colon makes the part before it a scheme, in iPXE too: names with a MAC must be absolute.
  expect(resolveUri('ipxe.cfg-52:54:00:aa:bb:01', BASE)).toBeNull();
});

test('any script ends without a throw', async () => {
  const words = [
    'goto',
    'a',
    ':a',
    '\n',
    '||',
    '&&',
    'chain',
    'set',
    '${',
    '}',
    'kernel',
    'boot',
    '--',
    '-x',
  ];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(fc.constantFrom(...words), fc.string())), async (parts) => {
      await run(parts.join(' '));
    }),
    { numRuns: 100 },
  );
});
