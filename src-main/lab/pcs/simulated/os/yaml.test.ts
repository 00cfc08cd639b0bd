import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseYaml, yamlAt, yamlText } from './yaml.ts';

test('reads a preseed in block style', () => {
  const text = `#cloud-config
datasource:
  MAAS:
    metadata_url: http://10.77.0.1:5248/MAAS/metadata/  # where
    consumer_key: "abc:def"
    token_key: 'it''s'
manage_etc_hosts: true
packages:
- python3-yaml
- python3-oauthlib
power_state: {delay: now, mode: poweroff, timeout: 1800, condition: test ! -e /tmp/block-poweroff}
nothing:
runcmd:
  - [sh, -c, "echo \\"hi\\""]
  - name: x
    value: y
  - - nested
script: |
  #!/bin/sh
  echo one

  echo two
last: >-
  folded
  text
`;
  expect(parseYaml(text)).toEqual({
    datasource: {
      MAAS: {
        metadata_url: 'http://10.77.0.1:5248/MAAS/metadata/',
        consumer_key: 'abc:def',
        token_key: "it's",
      },
    },
    manage_etc_hosts: true,
    packages: ['python3-yaml', 'python3-oauthlib'],
    power_state: {
      delay: 'now',
      mode: 'poweroff',
      timeout: '1800',
      condition: 'test ! -e /tmp/block-poweroff',
    },
    nothing: null,
    runcmd: [['sh', '-c', 'echo "hi"'], { name: 'x', value: 'y' }, ['nested']],
    script: '#!/bin/sh\necho one\n\necho two\n',
    last: 'folded text',
  });
});

test('reads what JSON.stringify writes', () => {
  const text = fc.string();
  const value = fc.letrec((tie) => ({
    any: fc.oneof({ maxDepth: 4 }, text, fc.boolean(), fc.constant(null), tie('list'), tie('map')),
    list: fc.array(tie('any'), { maxLength: 4 }),
    map: fc.dictionary(text, tie('any'), { maxKeys: 4 }),
  })).any;
  fc.assert(
    fc.property(value, fc.constantFrom(undefined, 2), (json, indent) => {
      expect(parseYaml(`#cloud-config\n${JSON.stringify({ it: json }, null, indent)}`)).toEqual({ it: json });
    }),
  );
});

test('never throws, and is null for what cannot be read', () => {
  expect(parseYaml('a: [1, 2')).toBeNull();
  expect(parseYaml('a: 1\n b: 2\nc')).toBeNull();
  const pieces = ['- ', 'a: ', '\n', ' ', '[', ']', '{', '}', '"', "'", ',', '|', '#', 'x'];
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constantFrom(...pieces), fc.string())), (parts) => {
      parseYaml(parts.join(''));
    }),
  );
  parseYaml('['.repeat(100_000));
  parseYaml('- '.repeat(1000));
});

test('walks into a document', () => {
  const value = parseYaml('a:\n  b: c');
  expect(yamlText(value, 'a', 'b')).toBe('c');
  expect(yamlText(value, 'a')).toBe('');
  expect(yamlAt(value, 'a', 'b', 'c')).toBeNull();
  expect(yamlAt(value, 'constructor')).toBeNull();
});
