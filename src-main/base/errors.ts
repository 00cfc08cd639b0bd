/**
 * Every error a person can meet: a stable code, a sentence, and what to do about it.
 * Bad input from the wire is a counted value, never one of these.
 */
export interface ErrorText {
  /** The sentence; `{name}` is replaced by the detail of that name. */
  readonly message: string;
  /** What the person can do. */
  readonly hint: string;
}

export type ErrorDetails = Readonly<Record<string, string | number>>;

export class RackboxError extends Error {
  readonly code: string;
  readonly hint: string;
  readonly details: ErrorDetails;

  constructor(code: string, text: ErrorText, details: ErrorDetails = {}, cause?: unknown) {
    super(fill(text.message, details), cause === undefined ? undefined : { cause });
    this.name = 'RackboxError';
    this.code = code;
    this.hint = fill(text.hint, details);
    this.details = details;
  }
}

function fill(template: string, details: ErrorDetails): string {
  return template.replace(/\{(\w+)\}/g, (whole, key: string) => String(details[key] ?? whole));
}

/** True when `error` carries this code. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof RackboxError && error.code === code;
}

/** The message of anything thrown, for one-line reports. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
