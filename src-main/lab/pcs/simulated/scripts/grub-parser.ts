import { type GrubToken, type GrubWord, tokenizeGrub } from './grub-lexer.ts';

/**
 * Parser of GRUB's script language, as far as boot configurations use it: commands with quoted and escaped
 * words and variables, `if`, `for`, `while`/`until` are told apart, `menuentry` and `submenu` blocks, `function`.
 * https://www.gnu.org/software/grub/manual/grub/html_node/Shell_002dlike-scripting.html
 */

export type GrubStatement =
  | {
      readonly kind: 'command';
      readonly words: readonly GrubWord[];
      readonly block: readonly GrubStatement[] | null;
    }
  | {
      readonly kind: 'if';
      readonly branches: readonly GrubBranch[];
      readonly otherwise: readonly GrubStatement[];
    }
  | {
      readonly kind: 'for';
      readonly variable: string;
      readonly items: readonly GrubWord[];
      readonly body: readonly GrubStatement[];
    };

export interface GrubBranch {
  readonly condition: readonly GrubStatement[];
  readonly body: readonly GrubStatement[];
}

/** Parses a configuration; null when it is not well formed (GRUB then says "syntax error"). */
export function parseGrub(source: string): readonly GrubStatement[] | null {
  const tokens = tokenizeGrub(source);
  if (tokens === null) return null;
  const parser = new Parser(tokens);
  const statements = parser.block([]);
  return parser.atEnd ? statements : null;
}

class Parser {
  readonly #tokens: readonly GrubToken[];
  #at = 0;
  #depth = 0;
  #broken = false;

  constructor(tokens: readonly GrubToken[]) {
    this.#tokens = tokens;
  }

  get atEnd(): boolean {
    return !this.#broken && this.#at >= this.#tokens.length;
  }

  /** Statements up to (not including) one of the keywords in `until`, a `}` or the end. */
  block(until: readonly string[]): GrubStatement[] {
    const statements: GrubStatement[] = [];
    if (++this.#depth > 64) this.#broken = true;
    while (!this.#broken && this.#at < this.#tokens.length) {
      if (this.#peek() === ';') this.#at++;
      else if (this.#peek() === '}' || until.includes(this.#keyword() ?? '')) break;
      else statements.push(this.#statement());
    }
    this.#depth--;
    return statements;
  }

  #statement(): GrubStatement {
    const keyword = this.#keyword();
    if (keyword === 'if') return this.#if();
    if (keyword === 'for') return this.#for();
    return this.#command();
  }

  #if(): GrubStatement {
    const branches: GrubBranch[] = [];
    let otherwise: GrubStatement[] = [];
    do {
      this.#at++;
      const condition = this.block(['then']);
      this.#expect('then');
      branches.push({ condition, body: this.block(['elif', 'else', 'fi']) });
    } while (!this.#broken && this.#keyword() === 'elif');
    if (this.#keyword() === 'else') {
      this.#at++;
      otherwise = this.block(['fi']);
    }
    this.#expect('fi');
    return { kind: 'if', branches, otherwise };
  }

  #for(): GrubStatement {
    this.#at++;
    const variable = this.#keyword() ?? '';
    this.#at++;
    this.#expect('in');
    const items = this.#words();
    if (this.#peek() === ';') this.#at++;
    this.#expect('do');
    const body = this.block(['done']);
    this.#expect('done');
    return { kind: 'for', variable, items, body };
  }

  #command(): GrubStatement {
    const words = this.#words();
    if (this.#peek() !== '{') {
      if (words.length === 0) this.#broken = true;
      return { kind: 'command', words, block: null };
    }
    this.#at++;
    const block = this.block([]);
    if (this.#peek() === '}') this.#at++;
    else this.#broken = true;
    return { kind: 'command', words, block };
  }

  #words(): GrubWord[] {
    const words: GrubWord[] = [];
    for (let token = this.#peek(); typeof token === 'object'; token = this.#peek()) {
      words.push(token.word);
      this.#at++;
    }
    return words;
  }

  #expect(keyword: string): void {
    if (this.#keyword() === keyword) this.#at++;
    else this.#broken = true;
  }

  #peek(): GrubToken | undefined {
    return this.#tokens[this.#at];
  }

  /** The unquoted text of the next word. */
  #keyword(): string | null {
    const token = this.#peek();
    return typeof token === 'object' ? token.plain : null;
  }
}
