import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeQmpMessage,
  encodeQmpCommand,
  MAX_LINE_BYTES,
  QmpLineReader,
  type QmpMessage,
} from './qmp-lines.ts';

// As QEMU 7.2 said it.
const GREETING =
  '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "Debian 1:7.2"}, "capabilities": ["oob"]}}';
const SHUTDOWN =
  '{"timestamp": {"seconds": 1795348693, "microseconds": 205497}, "event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-shutdown"}}';

const read = (chunks: readonly Uint8Array[]) => {
  const reader = new QmpLineReader();
  return chunks.flatMap((chunk) => reader.push(chunk));
};

describe('QMP lines', () => {
  it('reads what QEMU says', () => {
    expect(decodeQmpMessage(GREETING)).toEqual({ kind: 'greeting', version: '7.2.22' });
    expect(decodeQmpMessage(SHUTDOWN)).toEqual({
      kind: 'event',
      name: 'SHUTDOWN',
      data: { guest: true, reason: 'guest-shutdown' },
    });
    expect(decodeQmpMessage('{"return": {"running": true}, "id": 3}')).toEqual({
      kind: 'return',
      id: 3,
      value: { running: true },
    });
    expect(decodeQmpMessage('{"id": 4, "error": {"class": "GenericError", "desc": "no"}}')).toEqual({
      kind: 'error',
      id: 4,
      desc: 'no',
    });
  });

  it.each([
    '',
    'x',
    '[]',
    '1',
    'null',
    '{}',
    '{"error": 1}',
    '{"event": 2}',
  ])('takes %j for nothing', (line) => {
    expect(decodeQmpMessage(line)).toBeNull();
  });

  it('writes a command on one line', () => {
    expect(encodeQmpCommand(7, 'quit')).toBe('{"execute":"quit","id":7}\n');
    expect(encodeQmpCommand(8, 'screendump', { filename: 'a\nb' })).toBe(
      '{"execute":"screendump","id":8,"arguments":{"filename":"a\\nb"}}\n',
    );
  });

  it('finds the same messages however the stream is cut', () => {
    const message = fc.oneof(
      fc.record({ return: fc.jsonValue(), id: fc.nat() }),
      fc.record({ event: fc.string(), data: fc.dictionary(fc.string(), fc.jsonValue()) }),
    );
    fc.assert(
      fc.property(fc.array(message), fc.array(fc.nat()), (messages, cuts) => {
        const lines = messages.map((value) => JSON.stringify(value));
        const bytes = Buffer.from(lines.map((line) => `${line}\r\n`).join(''));
        const places = [0, ...cuts.map((at) => at % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
        const chunks = places.slice(1).map((end, i) => bytes.subarray(places[i], end));
        expect(read(chunks)).toEqual(lines.map(decodeQmpMessage));
      }),
    );
  });

  it('never throws on arbitrary bytes and goes on after them', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (chunks) => {
        const messages: (QmpMessage | null)[] = read([...chunks, Buffer.from(`\n${GREETING}\n`)]);
        expect(messages.at(-1)).toEqual({ kind: 'greeting', version: '7.2.22' });
      }),
    );
  });

  it('drops a line without an end, and counts it', () => {
    const reader = new QmpLineReader();
    for (let sent = 0; sent <= MAX_LINE_BYTES; sent += 1 << 20) reader.push(new Uint8Array(1 << 20).fill(65));
    expect(reader.push(Buffer.from(`\n${SHUTDOWN}\n`))).toHaveLength(1);
    expect(reader.counters.dropped).toBe(1);
  });
});
