import type {
  ErrorBody,
  LiveMessage,
  PcView,
  PowerAction,
  ScreenView,
} from '../../src-main/api/contract/lab.ts';

/** The start-up token comes in the address's fragment, which never leaves the browser. It is kept for a reload. */
function readToken(): string {
  const shown = new URLSearchParams(location.hash.slice(1)).get('token');
  if (shown) {
    sessionStorage.setItem('token', shown);
    history.replaceState(null, '', location.pathname);
  }
  return shown ?? sessionStorage.getItem('token') ?? '';
}

const token = readToken();

/** An error of the API, with what to do about it. */
export class ControllerError extends Error {
  readonly hint: string;

  constructor(body: ErrorBody) {
    super(body.message);
    this.hint = body.hint;
  }
}

async function call<T>(path: string, init: RequestInit = {}): Promise<T> {
  const headers = {
    authorization: `Bearer ${token}`,
    ...(init.body ? { 'content-type': 'application/json' } : {}),
  };
  const response = await fetch(`/lab/api${path}`, { ...init, headers });
  if (!response.ok) throw new ControllerError((await response.json()) as ErrorBody);
  return (await response.json()) as T;
}

export const controller = {
  power: (id: string, action: PowerAction) =>
    call<PcView>(`/pcs/${encodeURIComponent(id)}/power`, {
      method: 'POST',
      body: JSON.stringify({ action }),
    }),
  screen: (id: string) => call<ScreenView>(`/pcs/${encodeURIComponent(id)}/screen`),
};

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 8000;

/** Follows `/live`; after a lost connection it tries again, ever more slowly. Returns what ends it. */
export function followLive(
  onMessage: (message: LiveMessage) => void,
  onConnected: (connected: boolean) => void,
): () => void {
  let ended = false;
  let retryMs = FIRST_RETRY_MS;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let socket: WebSocket;
  const connect = () => {
    socket = new WebSocket(
      `${location.origin.replace(/^http/, 'ws')}/live?token=${encodeURIComponent(token)}`,
    );
    socket.onopen = () => {
      retryMs = FIRST_RETRY_MS;
      onConnected(true);
    };
    socket.onmessage = (event) => onMessage(JSON.parse(String(event.data)) as LiveMessage);
    socket.onclose = () => {
      if (ended) return;
      onConnected(false);
      timer = setTimeout(connect, retryMs);
      retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
    };
  };
  connect();
  return () => {
    ended = true;
    clearTimeout(timer);
    socket.close();
  };
}
