/**
 * QMP on the wire: one JSON object a line (QEMU, docs/interop/qmp-spec.rst). Pure; anything that is not
 * QMP becomes null.
 */

/** What QEMU says. */
export type QmpMessage =
  | { readonly kind: 'greeting'; readonly version: string }
  | { readonly kind: 'return'; readonly id: number | null; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number | null; readonly desc: string }
  | { readonly kind: 'event'; readonly name: string; readonly data: Readonly<Record<string, unknown>> };

/** The longest line taken; QEMU's own limit on its input is 64 MiB, its answers here stay far below. */
export const MAX_LINE_BYTES = 4 << 20;

/** Cuts a byte stream into lines, whatever the chunks are. A line over the limit is dropped and counted. */
export class QmpLineReader {
  readonly counters = { dropped: 0 };
  #parts: Uint8Array[] = [];
  #length = 0;
  #skipping = false;

  /** The messages that `chunk` completes; null for each line that is not QMP. */
  push(chunk: Uint8Array): (QmpMessage | null)[] {
    const messages: (QmpMessage | null)[] = [];
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      this.#keep(chunk.subarray(from, end));
      from = end + 1;
      const line = this.#take();
      if (line !== null && line.trim() !== '') messages.push(decodeQmpMessage(line));
    }
    this.#keep(chunk.subarray(from));
    return messages;
  }

  #keep(bytes: Uint8Array): void {
    if (this.#skipping || bytes.length === 0) return;
    this.#length += bytes.length;
    if (this.#length > MAX_LINE_BYTES) {
      this.counters.dropped++;
      this.#parts = [];
      this.#skipping = true;
    } else this.#parts.push(bytes.slice());
  }

  #take(): string | null {
    const line = this.#skipping ? null : Buffer.concat(this.#parts).toString('utf8');
    this.#parts = [];
    this.#length = 0;
    this.#skipping = false;
    return line;
  }
}

/** Reads one line; null when it is not a QMP message. */
export function decodeQmpMessage(line: string): QmpMessage | null {
  const message = asRecord(parseJson(line));
  if (!message) return null;
  const id = typeof message.id === 'number' ? message.id : null;
  if ('QMP' in message) return { kind: 'greeting', version: versionText(message.QMP) };
  if ('return' in message) return { kind: 'return', id, value: message.return };
  if (typeof message.event === 'string')
    return { kind: 'event', name: message.event, data: asRecord(message.data) ?? {} };
  const error = asRecord(message.error);
  return error ? { kind: 'error', id, desc: String(error.desc ?? error.class ?? 'unknown error') } : null;
}

/** Writes one command. */
export function encodeQmpCommand(
  id: number,
  command: string,
  args?: Readonly<Record<string, unknown>>,
): string {
  return `${JSON.stringify({ execute: command, id, ...(args ? { arguments: args } : {}) })}\n`;
}

function versionText(greeting: unknown): string {
  const qemu = asRecord(asRecord(asRecord(greeting)?.version)?.qemu) ?? {};
  return [qemu.major, qemu.minor, qemu.micro].map((part) => (typeof part === 'number' ? part : 0)).join('.');
}

function asRecord(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
