import { expect, it } from 'vitest';
import { nextState, type TcpEvent, type TcpState } from './state.ts';

const walk = (...events: TcpEvent[]) => events.reduce<TcpState>(nextState, 'ESTABLISHED');

it('goes the ways of RFC 9293 figure 5', () => {
  expect(walk('close', 'fin-acked', 'fin')).toBe('TIME_WAIT');
  expect(walk('close', 'fin', 'fin-acked')).toBe('TIME_WAIT');
  expect(walk('fin', 'close', 'fin-acked')).toBe('CLOSED');
  expect(walk('close', 'close', 'fin-acked')).toBe('FIN_WAIT_2');
  expect(walk('fin', 'fin')).toBe('CLOSE_WAIT');
  expect(walk('fin', 'close', 'abort', 'fin')).toBe('CLOSED');
});
