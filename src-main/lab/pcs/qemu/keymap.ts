/** QEMU's names (QKeyCode) of the keys that type a character on a US keyboard. */
export interface KeyPress {
  readonly key: string;
  readonly shift: boolean;
}

const NAMED: readonly (readonly [plain: string, shifted: string, key: string])[] = [
  ['`', '~', 'grave_accent'],
  ['-', '_', 'minus'],
  ['=', '+', 'equal'],
  ['[', '{', 'bracket_left'],
  [']', '}', 'bracket_right'],
  ['\\', '|', 'backslash'],
  [';', ':', 'semicolon'],
  ["'", '"', 'apostrophe'],
  [',', '<', 'comma'],
  ['.', '>', 'dot'],
  ['/', '?', 'slash'],
];
const CONTROL: readonly (readonly [character: string, key: string])[] = [
  [' ', 'spc'],
  ['\n', 'ret'],
  ['\r', 'ret'],
  ['\t', 'tab'],
  ['\b', 'backspace'],
  ['\x7f', 'backspace'],
  ['\x1b', 'esc'],
];
const SHIFTED_DIGITS = ')!@#$%^&*(';

const KEYS = new Map<string, KeyPress>([
  ...NAMED.flatMap(([plain, shifted, key]): [string, KeyPress][] => [
    [plain, { key, shift: false }],
    [shifted, { key, shift: true }],
  ]),
  ...CONTROL.map(([character, key]): [string, KeyPress] => [character, { key, shift: false }]),
  ...Array.from(SHIFTED_DIGITS, (shifted, digit): [string, KeyPress][] => [
    [String(digit), { key: String(digit), shift: false }],
    [shifted, { key: String(digit), shift: true }],
  ]).flat(),
  ...Array.from('abcdefghijklmnopqrstuvwxyz', (letter): [string, KeyPress][] => [
    [letter, { key: letter, shift: false }],
    [letter.toUpperCase(), { key: letter, shift: true }],
  ]).flat(),
]);

/** The key presses that type `text`; characters that a US keyboard lacks are left out. */
export function keyPresses(text: string): KeyPress[] {
  return Array.from(text, (character) => KEYS.get(character)).filter((press) => press !== undefined);
}
