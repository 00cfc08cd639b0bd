/** Connection states of RFC 9293 §3.3.2 that outlive the handshake; LISTEN, SYN-SENT and SYN-RECEIVED have classes of their own. */
export type TcpState =
  | 'ESTABLISHED'
  | 'FIN_WAIT_1'
  | 'FIN_WAIT_2'
  | 'CLOSE_WAIT'
  | 'CLOSING'
  | 'LAST_ACK'
  | 'TIME_WAIT'
  | 'CLOSED';

/** `close`: we have no more to send; `fin`: the peer hasn't; `fin-acked`: the peer knows that we haven't. */
export type TcpEvent = 'close' | 'fin' | 'fin-acked' | 'abort';

/** RFC 9293 figure 5. */
const TRANSITIONS: Readonly<Record<TcpState, Readonly<Partial<Record<TcpEvent, TcpState>>>>> = {
  ESTABLISHED: { close: 'FIN_WAIT_1', fin: 'CLOSE_WAIT', abort: 'CLOSED' },
  FIN_WAIT_1: { 'fin-acked': 'FIN_WAIT_2', fin: 'CLOSING', abort: 'CLOSED' },
  FIN_WAIT_2: { fin: 'TIME_WAIT', abort: 'CLOSED' },
  CLOSE_WAIT: { close: 'LAST_ACK', abort: 'CLOSED' },
  CLOSING: { 'fin-acked': 'TIME_WAIT', abort: 'CLOSED' },
  LAST_ACK: { 'fin-acked': 'CLOSED', abort: 'CLOSED' },
  TIME_WAIT: { abort: 'CLOSED' },
  CLOSED: {},
};

/** The state after an event; the same one where the event means nothing. */
export function nextState(state: TcpState, event: TcpEvent): TcpState {
  return TRANSITIONS[state][event] ?? state;
}
