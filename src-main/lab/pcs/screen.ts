/** What a PC shows. Text screens are VGA memory: one cell is character (CP437) | attribute << 8. */
export type Screen = TextScreen | GraphicsScreen | BlankScreen;

export interface TextScreen {
  readonly kind: 'text';
  readonly columns: number;
  readonly rows: number;
  readonly cells: Uint16Array;
}

export interface GraphicsScreen {
  readonly kind: 'graphics';
  readonly width: number;
  readonly height: number;
  /** PNG file content. */
  readonly png: Uint8Array;
}

/** Off, or nothing drawn yet. */
export interface BlankScreen {
  readonly kind: 'blank';
}

const CP437_HIGH =
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ ';
const CP437_LOW = ' ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼';

/** The Unicode character of a CP437 code. */
export function cp437(code: number): string {
  if (code < 32) return CP437_LOW[code] ?? ' ';
  if (code < 127) return String.fromCharCode(code);
  return code === 127 ? '⌂' : (CP437_HIGH[code - 128] ?? ' ');
}

/** The lines of a text screen without trailing blanks; empty for other screens. */
export function screenLines(screen: Screen): string[] {
  if (screen.kind !== 'text') return [];
  return Array.from({ length: screen.rows }, (_, row) =>
    Array.from(screen.cells.subarray(row * screen.columns, (row + 1) * screen.columns), (cell) =>
      cp437(cell & 255),
    )
      .join('')
      .trimEnd(),
  );
}
