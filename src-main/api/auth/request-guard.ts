import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** What a request must show before anything is done for it. */
export interface GuardOptions {
  /** The start-up token; handed to the window, the command line, and in the printed address. */
  readonly token: string;
  /** Names that the Host header may carry, without port: a page elsewhere that points its name at us fails here. */
  readonly hosts: ReadonlySet<string>;
}

export type Refusal = 'bad-host' | 'bad-origin' | 'bad-token';

export interface GuardedRequest {
  readonly headers: IncomingHttpHeaders;
  /** The token where a header can't be set: a WebSocket from a browser. */
  readonly queryToken?: string | undefined;
  /** The page's own files are no secret. */
  readonly needsToken: boolean;
}

/** Decides whether a request may pass: null, or why not. Pure. */
export function refusalOf(request: GuardedRequest, options: GuardOptions): Refusal | null {
  const host = hostName(request.headers.host);
  if (host === null || !options.hosts.has(host)) return 'bad-host';
  const origin = request.headers.origin;
  if (origin !== undefined && !sameHost(origin, request.headers.host)) return 'bad-origin';
  if (!request.needsToken) return null;
  const shown = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? request.queryToken;
  return shown !== undefined && sameSecret(shown, options.token) ? null : 'bad-token';
}

function hostName(host: string | undefined): string | null {
  return /^(\[[0-9a-f:]+\]|[^:]+)(?::\d+)?$/i.exec(host ?? '')?.[1]?.toLowerCase() ?? null;
}

function sameHost(origin: string, host: string | undefined): boolean {
  return URL.parse(origin)?.host === host?.toLowerCase();
}

/** Compares in constant time, whatever the lengths. */
function sameSecret(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
