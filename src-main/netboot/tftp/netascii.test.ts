import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bufferFile } from '../files/buffer-file.ts';
import { netasciiFile, toNetascii } from './netascii.ts';

/** What a client does. */
function fromNetascii(bytes: Uint8Array): Uint8Array {
  return Buffer.from(
    Buffer.from(bytes)
      .toString('latin1')
      .replace(/\r\n|\r\0/g, (pair) => (pair === '\r\n' ? '\n' : '\r')),
    'latin1',
  );
}

test('line ends travel as CR LF, carriage returns as CR NUL', () => {
  expect(Buffer.from(toNetascii(Buffer.from('a\nb\rc\r\n'))).toString()).toBe('a\r\nb\r\0c\r\0\r\n');
});

test('the client gets back what the file holds, and the size is right', async () => {
  const bytes = fc
    .array(fc.constantFrom(0, 10, 13, 65), { maxLength: 60 })
    .map((list) => Uint8Array.from(list));
  await fc.assert(
    fc.asyncProperty(bytes, async (content) => {
      const file = await netasciiFile(bufferFile(content));
      const sent = file.size === 0 ? new Uint8Array() : await buffer(file.open(0, file.size - 1));
      expect(sent.length).toBe(file.size);
      expect([...fromNetascii(sent)]).toEqual([...content]);
    }),
  );
});
