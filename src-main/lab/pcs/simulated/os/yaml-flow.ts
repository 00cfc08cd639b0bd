/** What a YAML document holds; numbers and other plain scalars that are not boolean or null stay text. */
export type YamlValue =
  | null
  | boolean
  | string
  | readonly YamlValue[]
  | { readonly [key: string]: YamlValue };

/** The document can't be read. Never leaves the parser. */
export class YamlProblem extends Error {}

export const MAX_YAML_DEPTH = 64;

/** A scalar without quotes. */
export function plainScalar(text: string): YamlValue {
  if (/^(true|yes|on)$/i.test(text)) return true;
  if (/^(false|no|off)$/i.test(text)) return false;
  return text === '' || text === '~' || /^null$/i.test(text) ? null : text;
}

/** The text of a double-quoted scalar. */
export function unescapeYaml(text: string): string {
  const named: Record<string, string> = { n: '\n', t: '\t', r: '\r', 0: '\0', b: '\b', e: '\x1b' };
  return text.replace(
    /\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|(.))/gi,
    (_, hex?: string, wide?: string, one?: string) =>
      hex !== undefined || wide !== undefined
        ? String.fromCharCode(Number.parseInt(hex ?? wide ?? '0', 16))
        : (named[one ?? ''] ?? one ?? ''),
  );
}

/** A whole flow value (`[…]`, `{…}`, quoted text); undefined when it is not complete yet. */
export function parseFlow(text: string): YamlValue | undefined {
  const reader = new FlowReader(text);
  const value = reader.value('', 0);
  return value !== undefined && reader.restIsEmpty ? value : undefined;
}

class FlowReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get restIsEmpty(): boolean {
    return /^\s*(#.*)?$/.test(this.#text.slice(this.#at));
  }

  /** One value; a plain one ends before any of `stops`. */
  value(stops: string, depth: number): YamlValue | undefined {
    if (depth > MAX_YAML_DEPTH) throw new YamlProblem();
    this.#blank();
    const first = this.#text[this.#at];
    if (first === '[' || first === '{') return this.#collection(first === '[', depth + 1);
    const quoted = this.#match(/"((?:\\.|[^"\\])*)"|'((?:''|[^'])*)'/y);
    if (quoted)
      return quoted[1] !== undefined ? unescapeYaml(quoted[1]) : (quoted[2] ?? '').replaceAll("''", "'");
    if (first === '"' || first === "'") return undefined;
    const start = this.#at;
    while (this.#at < this.#text.length && !this.#stop(stops)) this.#at++;
    return plainScalar(this.#text.slice(start, this.#at).trim());
  }

  #collection(isList: boolean, depth: number): YamlValue | undefined {
    const close = isList ? ']' : '}';
    const items: YamlValue[] = [];
    const entries: [string, YamlValue][] = [];
    this.#at++;
    for (;;) {
      this.#blank();
      if (this.#take(close)) return isList ? items : Object.fromEntries(entries);
      const before = this.#at;
      const value = this.value(isList ? ',]' : ',}:', depth);
      if (value === undefined) return undefined;
      this.#blank();
      if (isList) items.push(value);
      else {
        const held = this.#take(':') ? this.value(',}', depth) : null;
        if (held === undefined) return undefined;
        entries.push([String(value), held]);
      }
      this.#blank();
      const comma = this.#take(',');
      if (!comma && this.#text[this.#at] !== close) return undefined;
      if (this.#at === before) return undefined;
    }
  }

  /** A colon ends a key only before a space, a quote's end or a bracket: `http://…` is one text. */
  #stop(stops: string): boolean {
    const character = this.#text[this.#at] ?? '';
    if (!stops.includes(character)) return false;
    return character !== ':' || /[\s[{"'\]},]|^$/.test(this.#text[this.#at + 1] ?? '');
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #blank(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++;
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match) this.#at += match[0].length;
    return match;
  }
}
