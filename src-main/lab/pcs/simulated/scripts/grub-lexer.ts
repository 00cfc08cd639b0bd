/** A piece of a word: text as written, or a variable to put in. Quoted variables are not split at spaces. */
export type GrubPart = { readonly text: string } | { readonly variable: string; readonly quoted: boolean };

export type GrubWord = readonly GrubPart[];

/** A word (`plain`: its text when nothing in it was quoted or variable), the end of a statement, or a brace. */
export type GrubToken = { readonly word: GrubWord; readonly plain: string | null } | ';' | '{' | '}';

/** Between words: blanks, comments, joined lines; then what is a token by itself. */
const GAP = /(?:[ \t\r]+|\\\n|#[^\n]*)*/y;
const SINGLE = /[;\n{}]/y;
/** Pieces of a word, in the order of GRUB's lexer: 'text', "text", variable, escape, plain text. */
const PIECE =
  /'([^']*)'|"((?:\\[\s\S]|[^"\\])*)"|\$(?:\{([^}\n]*)\}|(\w+|[?#@*]))|\\([\s\S])|([^\s;'"\\$]+|\$)/y;
const IN_QUOTES = /\$(?:\{([^}\n]*)\}|(\w+|[?#@*]))|\\(["$\\\n])|([^$\\]+|[\s\S])/g;

/** Splits GRUB script into tokens; null when a quote is left open. */
export function tokenizeGrub(source: string): GrubToken[] | null {
  const tokens: GrubToken[] = [];
  for (let at = 0; ; ) {
    at += match(GAP, source, at)?.[0].length ?? 0;
    if (at >= source.length) return tokens;
    const single = match(SINGLE, source, at)?.[0];
    if (single !== undefined) {
      tokens.push(single === '{' || single === '}' ? single : ';');
      at++;
      continue;
    }
    const { token, end } = readWord(source, at);
    if (end === at) return null;
    tokens.push(token);
    at = end;
  }
}

function readWord(source: string, start: number): { token: GrubToken; end: number } {
  const parts: GrubPart[] = [];
  let plain: string | null = '';
  let end = start;
  for (let piece = match(PIECE, source, end); piece; piece = match(PIECE, source, end)) {
    const [whole, single, double, braced, bare, escaped, text] = piece;
    end += whole.length;
    plain = text === undefined || plain === null ? null : plain + text;
    if (double !== undefined) parts.push(...quotedParts(double));
    else if (braced !== undefined || bare !== undefined)
      parts.push({ variable: braced ?? bare ?? '', quoted: false });
    // An escaped line end joins the lines.
    else if (escaped !== '\n') parts.push({ text: single ?? escaped ?? text ?? '' });
  }
  return { token: { word: parts, plain }, end };
}

function quotedParts(content: string): GrubPart[] {
  const parts: GrubPart[] = [{ text: '' }];
  for (const [, braced, bare, escaped, text] of content.matchAll(IN_QUOTES))
    if (braced !== undefined || bare !== undefined)
      parts.push({ variable: braced ?? bare ?? '', quoted: true });
    else if (escaped !== '\n') parts.push({ text: escaped ?? text ?? '' });
  return parts;
}

function match(pattern: RegExp, source: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(source);
}
