import { cp437, type TextScreen } from '../../screen.ts';

const COLUMNS = 80;
const ROWS = 25;
const TAB = 8;
const GREY_ON_BLACK = 0x07;

/** CP437 code of each Unicode character that the code page has. */
const CODES = new Map(Array.from({ length: 256 }, (_, code) => [cp437(code), code]));
CODES.set(' ', 32);

/**
 * A VGA text screen of 80×25 cells with a cursor: writes wrap and scroll as a BIOS teletype does.
 * Understands line feed, carriage return, backspace, tab and ANSI colours (`ESC [ … m`).
 * Other ANSI sequences are dropped; characters outside CP437 become `?`.
 */
export class TextConsole {
  readonly #cells = new Uint16Array(COLUMNS * ROWS);
  #column = 0;
  #row = 0;
  #attribute = GREY_ON_BLACK;
  #blank = true;
  #escape = '';

  constructor() {
    this.clear();
  }

  /** True until the first character after a clear. */
  get blank(): boolean {
    return this.#blank;
  }

  clear(): void {
    this.#attribute = GREY_ON_BLACK;
    this.#cells.fill(blankCell(this.#attribute));
    this.#column = 0;
    this.#row = 0;
    this.#escape = '';
    this.#blank = true;
  }

  write(text: string): void {
    for (const character of text) {
      if (this.#escape !== '' || character === '\x1b') this.#collectEscape(character);
      else this.#put(character);
    }
  }

  /** A copy of what is on the screen now. */
  snapshot(): TextScreen {
    return { kind: 'text', columns: COLUMNS, rows: ROWS, cells: this.#cells.slice() };
  }

  #put(character: string): void {
    this.#blank = false;
    if (character === '\n') this.#newLine();
    else if (character === '\r') this.#column = 0;
    else if (character === '\b') this.#column = Math.max(0, this.#column - 1);
    else if (character === '\t') this.#spaces(TAB - (this.#column % TAB));
    else if (character >= ' ') {
      if (this.#column === COLUMNS) this.#newLine();
      this.#cells[this.#row * COLUMNS + this.#column++] =
        (this.#attribute << 8) | (CODES.get(character) ?? 63);
    }
  }

  #spaces(spaces: number): void {
    for (let i = 0; i < spaces; i++) this.#put(' ');
  }

  #newLine(): void {
    this.#column = 0;
    if (++this.#row < ROWS) return;
    this.#row = ROWS - 1;
    this.#cells.copyWithin(0, COLUMNS);
    this.#cells.fill(blankCell(this.#attribute), COLUMNS * (ROWS - 1));
  }

  #collectEscape(character: string): void {
    this.#escape += character;
    const sequence = this.#escape;
    if (sequence.length === 2 && character !== '[') this.#escape = '';
    else if (sequence.length > 2 && character >= '@' && character <= '~') {
      this.#escape = '';
      if (character === 'm') this.#colour(sequence.slice(2, -1));
    } else if (sequence.length > 32) this.#escape = '';
  }

  #colour(parameters: string): void {
    for (const text of parameters.split(';')) {
      const code = Number(text);
      const [background, foreground] = [this.#attribute & 0xf0, this.#attribute & 0x0f];
      if (code === 0) this.#attribute = GREY_ON_BLACK;
      else if (code === 1) this.#attribute |= 0x08;
      else if (code >= 30 && code <= 37)
        this.#attribute = background | (foreground & 8) | vgaColour(code - 30);
      else if (code >= 40 && code <= 47) this.#attribute = (vgaColour(code - 40) << 4) | foreground;
    }
  }
}

function blankCell(attribute: number): number {
  return (attribute << 8) | 32;
}

/** ANSI counts red-green-blue from bit 0, VGA from bit 2. */
function vgaColour(ansi: number): number {
  return ((ansi & 1) << 2) | (ansi & 2) | ((ansi & 4) >> 2);
}
