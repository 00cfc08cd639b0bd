import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { microLinux } from '../support/micro-linux-boot.ts';
import { describeWith } from '../support/requirements.ts';

const SCRIPT = `. ${join(microLinux, 'root/lib/rackbox/yaml.sh')}
show() { printf '%s\\0%s\\0' "$1" "$2"; }
# Node's stdin is a socket, which cannot be opened by name.
cat | yaml /dev/stdin show "$1"`;

/** What micro-linux's shell makes of a text: the path and value of each scalar; below these keys, or below all. */
function parse(text: string, keys = ''): [string, string][] {
  const { stdout, status } = spawnSync('busybox', ['sh', '-c', SCRIPT, 'sh', keys], {
    input: text,
    encoding: 'utf8',
    timeout: 5_000,
  });
  if (status !== 0) throw new Error(`yaml.sh failed on ${JSON.stringify(text)}`);
  const fields = stdout.split('\0').slice(0, -1);
  return Array.from({ length: fields.length / 2 }, (_, n) => [fields[2 * n] ?? '', fields[2 * n + 1] ?? '']);
}

type Tree = string | Tree[] | { [key: string]: Tree };

function flatten(tree: Tree, path = ''): [string, string][] {
  if (typeof tree === 'string') return [[path, tree]];
  return Object.entries(tree).flatMap(([key, value]) => flatten(value, path === '' ? key : `${path}.${key}`));
}

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;

/** Flow style, with single quotes as PyYAML prefers, broken over lines after each comma. */
function flow(tree: Tree): string {
  if (typeof tree === 'string') return quoted(tree);
  if (Array.isArray(tree)) return `[${tree.map(flow).join(',\n    ')}]`;
  return `{${Object.entries(tree)
    .map(([key, value]) => `${key}: ${flow(value)}`)
    .join(',\n    ')}}`;
}

function block(tree: Tree, indent = ''): string {
  if (typeof tree === 'string') return ` ${quoted(tree)} # a comment\n`;
  const empty = Object.keys(tree).length === 0;
  if (empty) return Array.isArray(tree) ? ' []\n' : ' {}\n';
  if (Array.isArray(tree))
    return `\n${tree.map((item) => `${indent}-${block(item, `${indent}  `)}`).join('')}`;
  return `\n${Object.entries(tree)
    .map(([key, value]) => `${indent}${key}:${block(value, `${indent}  `)}`)
    .join('')}`;
}

describeWith('cloud-config in micro-linux', { programs: ['busybox'] }, () => {
  test('reads what MAAS writes', () => {
    expect(
      parse(`#cloud-config
apt:
  preserve_sources_list: false
  sources:
    key: |
      -----BEGIN # no comment
        two: 3
datasource:
  MAAS: {consumer_key: a1, metadata_url: 'http://10.0.0.1:5248/MAAS/metadata/',
    token_key: tk, token_secret: ts}
packages: [python3-yaml, "python3, oauthlib"]
power_state:
  condition: test ! -e
    /tmp/block-poweroff # why not
  delay: now
reporting:
    maas:
        type: webhook
        endpoint: "http://10.0.0.1/\\"st\\\\us"
runcmd:
- echo one
- [ls, -l, 'a b']
- |
  if true; then
    echo it's
  fi
`),
    ).toEqual([
      ['apt.preserve_sources_list', 'false'],
      ['apt.sources.key', '-----BEGIN # no comment\n  two: 3\n'],
      ['datasource.MAAS.consumer_key', 'a1'],
      ['datasource.MAAS.metadata_url', 'http://10.0.0.1:5248/MAAS/metadata/'],
      ['datasource.MAAS.token_key', 'tk'],
      ['datasource.MAAS.token_secret', 'ts'],
      ['packages.0', 'python3-yaml'],
      ['packages.1', 'python3, oauthlib'],
      ['power_state.condition', 'test ! -e /tmp/block-poweroff'],
      ['power_state.delay', 'now'],
      ['reporting.maas.type', 'webhook'],
      ['reporting.maas.endpoint', 'http://10.0.0.1/"st\\us'],
      ['runcmd.0', 'echo one'],
      ['runcmd.1.0', 'ls'],
      ['runcmd.1.1', '-l'],
      ['runcmd.1.2', 'a b'],
      ['runcmd.2', "if true; then\n  echo it's\nfi\n"],
    ]);
  });

  test('leaves out the keys that are not asked for', () => {
    const text = 'apt:\n  key: |\n    b: 1\n\nb: {c: 1}\nlist:\n- b\nflow: {b: 2,\n  d: 3}\n"d": 4\ne: 5\n';
    expect(parse(text, 'b d e')).toEqual([
      ['b.c', '1'],
      ['d', '4'],
      ['e', '5'],
    ]);
    expect(parse('{"b": {"c": 1}}', 'b')).toEqual([['b.c', '1']]);
  });

  const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small' },
      fc.string({ unit: 'grapheme-ascii', maxLength: 12 }),
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(fc.stringMatching(/^[a-z]{1,4}$/), tie('tree'), { maxKeys: 3 }),
    ),
  }));
  const document = fc.dictionary(fc.stringMatching(/^[a-z]{1,4}$/), tree, { minKeys: 1, maxKeys: 4 });

  test('reads any tree in block style, in flow style and as JSON', () => {
    fc.assert(
      fc.property(document, (root) => {
        const expected = flatten(root);
        expect(parse(block(root))).toEqual(expected);
        expect(parse(flow(root))).toEqual(expected);
        expect(parse(JSON.stringify(root))).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });

  test('ends on any text', () => {
    const mark = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ':',
      ': ',
      ',',
      '- ',
      "'",
      '"',
      '\\',
      '|',
      '#',
      ' #',
      '\n',
      ' ',
      'a',
    );
    fc.assert(
      fc.property(fc.array(mark, { maxLength: 30 }), (marks) => {
        parse(marks.join(''));
      }),
      { numRuns: 100 },
    );
  });
});
