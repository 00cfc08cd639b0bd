import {
  MAX_YAML_DEPTH,
  parseFlow,
  plainScalar,
  unescapeYaml,
  YamlProblem,
  type YamlValue,
} from './yaml-flow.ts';

export type { YamlValue } from './yaml-flow.ts';

/**
 * Reads the YAML that cloud configurations are written in: block and flow collections, quoted and plain scalars,
 * literal and folded blocks, comments. Anchors, tags and several documents are not read. Null text values and
 * an unreadable document both give null.
 */
export function parseYaml(text: string): YamlValue {
  const lines: Line[] = [];
  for (const raw of text.split(/\r?\n/)) {
    const body = raw.trimStart();
    const skip = body === '' || body.startsWith('#') || /^(---|\.\.\.)(\s|$)/.test(raw);
    lines.push({ indent: raw.length - body.length, body: skip ? '' : body, raw });
  }
  try {
    const reader = new BlockReader(lines);
    const value = reader.value(-1);
    return reader.atEnd ? value : null;
  } catch (error) {
    if (error instanceof YamlProblem) return null;
    throw error;
  }
}

/** The value under `keys`, or null where the path ends. */
export function yamlAt(value: YamlValue, ...keys: readonly string[]): YamlValue {
  let at: YamlValue = value;
  for (const key of keys) {
    if (at === null || typeof at !== 'object' || Array.isArray(at) || !Object.hasOwn(at, key)) return null;
    at = (at as { readonly [key: string]: YamlValue })[key] ?? null;
  }
  return at;
}

/** The text under `keys`; '' when it is not text. */
export function yamlText(value: YamlValue, ...keys: readonly string[]): string {
  const found = yamlAt(value, ...keys);
  return typeof found === 'string' ? found : '';
}

interface Line {
  readonly indent: number;
  /** Without indentation; '' for blank lines and comments. */
  readonly body: string;
  readonly raw: string;
}

class BlockReader {
  readonly #lines: Line[];
  #at = 0;
  #depth = 0;

  constructor(lines: Line[]) {
    this.#lines = lines;
  }

  get atEnd(): boolean {
    return this.#next() === undefined;
  }

  /** The value made of the lines indented deeper than `parent`. */
  value(parent: number): YamlValue {
    const line = this.#next();
    if (!line || line.indent <= parent) return null;
    if (++this.#depth > MAX_YAML_DEPTH) throw new YamlProblem();
    const value = isItem(line.body)
      ? this.#sequence(line.indent)
      : keyOf(line.body) !== null
        ? this.#mapping(line.indent)
        : this.#scalar(parent);
    this.#depth--;
    return value;
  }

  #sequence(indent: number): YamlValue {
    const items: YamlValue[] = [];
    for (let line = this.#next(); line?.indent === indent && isItem(line.body); line = this.#next()) {
      const rest = line.body.slice(1).trimStart();
      const inner = indent + line.body.length - rest.length;
      if (rest === '' || rest.startsWith('#')) {
        this.#at++;
        items.push(this.value(indent));
      } else {
        // The item's content reads like a line of its own, standing where it stands.
        this.#lines[this.#at] = { indent: inner, body: rest, raw: line.raw };
        items.push(isItem(rest) || keyOf(rest) !== null ? this.value(indent) : this.#scalar(indent));
      }
    }
    return items;
  }

  #mapping(indent: number): YamlValue {
    const entries: [string, YamlValue][] = [];
    for (let line = this.#next(); line?.indent === indent; line = this.#next()) {
      const key = keyOf(line.body);
      if (key === null) throw new YamlProblem();
      const rest = line.body.slice(key.length).trimStart();
      const name = key.text;
      if (rest === '' || rest.startsWith('#')) {
        this.#at++;
        const next = this.#next();
        // A list may stand at the same indentation as its key.
        const sameColumn = next?.indent === indent && isItem(next.body);
        entries.push([name, sameColumn ? this.#sequence(indent) : this.value(indent)]);
      } else {
        this.#lines[this.#at] = { indent: indent + 1, body: rest, raw: line.raw };
        entries.push([name, this.#scalar(indent)]);
      }
    }
    return Object.fromEntries(entries);
  }

  /** A scalar or flow collection that starts on this line and may go on below. */
  #scalar(parent: number): YamlValue {
    const first = this.#next()?.body ?? '';
    const block = /^([|>])[+-]?\d?[+-]?\s*(#.*)?$/.exec(first);
    this.#at++;
    if (block) return this.#block(parent, first);
    let text = first;
    if (/^[[{"']/.test(text))
      for (let value = parseFlow(text); ; value = parseFlow(text)) {
        if (value !== undefined) return value;
        const more = this.#lines[this.#at++];
        if (!more) throw new YamlProblem();
        text += ` ${more.raw.trim()}`;
      }
    for (let line = this.#next(); line && line.indent > parent; line = this.#next()) {
      text += ` ${line.body}`;
      this.#at++;
    }
    return plainScalar(text.replace(/\s+#.*$/, '').trimEnd());
  }

  #block(parent: number, header: string): string {
    const lines: string[] = [];
    let indent = -1;
    for (; this.#at < this.#lines.length; this.#at++) {
      const raw = this.#lines[this.#at]?.raw ?? '';
      const own = raw.length - raw.trimStart().length;
      if (raw.trim() === '') {
        lines.push('');
        continue;
      }
      if (own <= parent) break;
      if (indent < 0) indent = own;
      if (own < indent) break;
      lines.push(raw.slice(indent));
    }
    while (lines.at(-1) === '') lines.pop();
    const text = header.startsWith('|') ? lines.join('\n') : lines.join(' ').replace(/ {2,}/g, '\n');
    return header.includes('-') || text === '' ? text : `${text}\n`;
  }

  #next(): Line | undefined {
    while (this.#at < this.#lines.length && this.#lines[this.#at]?.body === '') this.#at++;
    return this.#lines[this.#at];
  }
}

function isItem(body: string): boolean {
  return body === '-' || body.startsWith('- ');
}

const KEY = /^(?:"((?:\\.|[^"\\])*)"|'((?:''|[^'])*)'|([^\s[\]{},"'#&*!|>%@`][^#]*?))\s*:(?=\s|$)/;

/** The key at the start of a line and how many characters it takes with its colon. */
function keyOf(body: string): { text: string; length: number } | null {
  const match = KEY.exec(body);
  if (!match) return null;
  const [whole, double, single, bare] = match;
  const text = double !== undefined ? unescapeYaml(double) : (single?.replaceAll("''", "'") ?? bare ?? '');
  return { text, length: whole.length };
}
