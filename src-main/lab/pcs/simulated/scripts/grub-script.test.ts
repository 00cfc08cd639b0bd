// biome-ignore-all lint/suspicious/noTemplateCurlyInString: GRUB writes its variables so
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type GrubHost, GrubInterpreter } from './grub-script.ts';

class FakeHost implements GrubHost<string> {
  printed = '';
  slept = 0;
  readonly #configs: Record<string, string>;
  readonly #local: string[];

  constructor(configs: Record<string, string>, local: string[] = []) {
    this.#configs = configs;
    this.#local = local;
  }

  print(text: string) {
    this.printed += text;
  }
  async readConfig(name: string) {
    return this.#configs[name] ?? null;
  }
  async load(name: string) {
    return name.includes('missing') ? null : name;
  }
  searchFile(file: string) {
    return this.#local.includes(file) ? 'hd0,gpt1' : null;
  }
  async module(name: string) {
    return name !== 'http';
  }
  async sleep(ms: number) {
    this.slept += ms;
  }
}

const VARIABLES = { net_default_mac: '52:54:00:aa:bb:01', grub_cpu: 'x86_64' };
const CFG = '/grub/grub.cfg';

async function run(configs: Record<string, string> | string, local: string[] = []) {
  const host = new FakeHost(typeof configs === 'string' ? { [CFG]: configs } : configs, local);
  const end = await new GrubInterpreter(host, VARIABLES).run(CFG);
  return { end, host };
}

test('boots the default entry of the file for this MAC', async () => {
  const { end } = await run({
    [CFG]: 'configfile /grub/grub.cfg-${net_default_mac}\nconfigfile /grub/grub.cfg-default-${grub_cpu}\n',
    '/grub/grub.cfg-default-x86_64': `
      set default="0"
      set timeout=0
      menuentry 'Ephemeral' {
        echo 'Booting under commissioning...'
        linux  (http,10.77.0.1:5248)/images/boot-kernel nomodeset cc:\\{'a': 1\\}end_cc two\\ words BOOTIF=01-\${net_default_mac}
        initrd (http,10.77.0.1:5248)/images/boot-initrd
      }`,
  });
  expect(end).toEqual({
    kind: 'boot',
    kernel: '(http,10.77.0.1:5248)/images/boot-kernel',
    commandLine: 'nomodeset cc:{a: 1}end_cc "two words" BOOTIF=01-52:54:00:aa:bb:01',
    initrds: ['(http,10.77.0.1:5248)/images/boot-initrd'],
  });
});

const LOCAL = `
set default=0
set timeout=0
menuentry "Local" {
  for loader in boot/bootx64.efi ubuntu/shimx64.efi; do
    search --no-floppy --set=root --file /efi/$loader
    if [ $? -eq 0 ]; then
      chainloader /efi/$loader
      boot
    fi
  done
  if [ "$shim_lock" != "y" ]; then
    echo no shim
  fi
  exit 1
}`;

test('chains to the first loader on the disk', async () => {
  expect((await run(LOCAL, ['/efi/ubuntu/shimx64.efi'])).end).toEqual({
    kind: 'chain',
    name: '/efi/ubuntu/shimx64.efi',
  });
});

test('goes back to the firmware when the disk has none', async () => {
  const { end, host } = await run(LOCAL);
  expect(end).toEqual({ kind: 'exit' });
  expect(host.printed).toContain('no shim');
});

describe('menu', () => {
  test('waits for the timeout, picks by number, title or id', async () => {
    const menu = (wanted: string) =>
      `set timeout=5; set default=${wanted}\nmenuentry one {\n reboot\n}\nmenuentry 'number two' --id second { halt; }`;
    const byId = await run(menu('second'));
    expect([byId.end, byId.host.slept]).toEqual([{ kind: 'halt' }, 5000]);
    expect((await run(menu('1'))).end).toEqual({ kind: 'halt' });
    expect((await run(menu('"number two"'))).end).toEqual({ kind: 'halt' });
    expect((await run(menu('0'))).end).toEqual({ kind: 'reboot' });
  });

  test('stays at the prompt without an entry, without a timeout, with a broken file or without one', async () => {
    expect((await run('echo nothing')).end).toEqual({ kind: 'prompt' });
    expect((await run('menuentry a { halt; }')).end).toEqual({ kind: 'prompt' });
    expect((await run("menuentry 'a { halt; }")).end).toEqual({ kind: 'prompt' });
    expect((await run('if true; then echo')).host.printed).toMatch(/syntax error/);
    expect((await run({})).end).toEqual({ kind: 'prompt' });
  });

  test('stays at the prompt when the kernel or the initrd is missing', async () => {
    const noInitrd = await run('set timeout=0\nmenuentry a {\nlinux /k\ninitrd /missing\n}');
    expect(noInitrd.end).toEqual({ kind: 'prompt' });
    const { end, host } = await run('set timeout=0\nmenuentry a {\nlinux /missing\ninitrd /i\n}');
    expect(end).toEqual({ kind: 'prompt' });
    expect(host.printed).toContain('you need to load the kernel first');
  });
});

test('words: quotes, escapes, joined lines, comments, empty variables', async () => {
  const { host } = await run(
    [
      'set x="a b"',
      'echo \'single $x\' "double $x" plain=$x # comment',
      'echo one \\\n  two',
      'echo ["$none"] $none [${x}]',
      'if [ -n "$none" ]; then echo set; elif test a = b; then echo b; else echo neither; fi',
    ].join('\n'),
  );
  expect(host.printed).toBe('single $x double a b plain=a b\none two\n[] [a b]\nneither\n');
});

test('a module that is missing is a failed command', async () => {
  const { host } = await run('if insmod http; then\n echo http\nfi\nif insmod tftp; then\n echo tftp\nfi');
  expect(host.printed).toBe('tftp\n');
});

test('any text ends without a throw', async () => {
  const words = [
    'if',
    'then',
    'fi',
    'for',
    'in',
    'do',
    'done',
    '{',
    '}',
    ';',
    '\n',
    '"',
    "'",
    '\\',
    '$',
    'menuentry',
    'configfile',
    CFG,
  ];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(fc.constantFrom(...words), fc.string())), async (parts) => {
      await run(parts.join(' '));
    }),
    { numRuns: 200 },
  );
});
