import { expect, test } from 'vitest';
import { SerialConsole } from './serial-console.ts';

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

test('prints with CR LF, tells listeners and remembers', () => {
  const serial = new SerialConsole();
  const heard: string[] = [];
  const listening = serial.onOutput.on((data) => heard.push(text(data)));
  serial.print('a\nb');
  listening.dispose();
  serial.print('c\r\n');
  expect(heard).toEqual(['a\r\nb']);
  expect(text(serial.history())).toBe('a\r\nbc\r\n');
});

test('keeps the last 64 KiB', () => {
  const serial = new SerialConsole();
  for (let i = 0; i < 3000; i++) serial.print(`${String(i).padStart(63, '0')}\n`);
  const history = text(serial.history());
  expect(history).toHaveLength(64 << 10);
  expect(history.endsWith('2999\r\n')).toBe(true);
  serial.restart();
  expect(serial.history()).toHaveLength(0);
});

test('decodes input across writes', () => {
  const serial = new SerialConsole();
  let typed = '';
  serial.onInput.on((input) => {
    typed += input;
  });
  const bytes = new TextEncoder().encode('é\n');
  serial.write(bytes.subarray(0, 1));
  serial.write(bytes.subarray(1));
  expect(typed).toBe('é\n');
});
