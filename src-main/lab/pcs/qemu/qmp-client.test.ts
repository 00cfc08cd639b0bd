import { duplexPair } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../base/clock.ts';
import { QmpClient, type QmpEvent } from './qmp-client.ts';

const GREETING =
  '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}}, "capabilities": ["oob"]}}\r\n';

/** A QEMU that answers each command as told; `null` is silence. */
function fakeQemu(answer: (command: string) => object | null = () => ({ return: {} }), greeting = GREETING) {
  const [ours, its] = duplexPair();
  const commands: string[] = [];
  its.write(greeting);
  its.on('data', (chunk: Buffer) => {
    for (const line of chunk.toString().trimEnd().split('\n')) {
      const { execute, id } = JSON.parse(line);
      commands.push(execute);
      const reply = answer(execute);
      if (reply) its.write(`${JSON.stringify({ ...reply, id })}\r\n`);
    }
  });
  return { ours, its, commands };
}

const clock = new ManualClock();

describe('the QMP client', () => {
  it('greets, leaves negotiation and runs commands', async () => {
    const { ours, commands } = fakeQemu((command) => ({ return: { did: command } }));
    const qmp = await QmpClient.open(ours, clock);
    expect(await Promise.all([qmp.execute('stop'), qmp.execute('cont')])).toEqual([
      { did: 'stop' },
      { did: 'cont' },
    ]);
    expect(commands).toEqual(['qmp_capabilities', 'stop', 'cont']);
    expect(clock.pending).toBe(0);
    qmp.dispose();
  });

  it('matches answers by id when they come out of order', async () => {
    const { ours, its } = fakeQemu((command) => (command === 'qmp_capabilities' ? { return: {} } : null));
    const qmp = await QmpClient.open(ours, clock);
    const [first, second] = [qmp.execute('a'), qmp.execute('b')];
    its.write('{"return": "B", "id": 4}\r\n{"return": "A", "id": 3}\r\n{"return": 0, "id": 99}\r\n');
    expect(await Promise.all([first, second])).toEqual(['A', 'B']);
    qmp.dispose();
    expect(qmp.counters.unmatched).toBe(1);
  });

  it('tells events', async () => {
    const { ours, its } = fakeQemu();
    const qmp = await QmpClient.open(ours, clock);
    const event = new Promise<QmpEvent>((resolve) => qmp.onEvent.on(resolve));
    its.write('garbage\r\n{"event": "SHUTDOWN", "data": {"guest": true}}\r\n');
    expect(await event).toEqual({ name: 'SHUTDOWN', data: { guest: true } });
    expect(qmp.counters.garbage).toBe(1);
    qmp.dispose();
  });

  it('rejects with what QEMU says', async () => {
    const { ours } = fakeQemu((command) =>
      command === 'x' ? { error: { class: 'CommandNotFound', desc: 'no such command' } } : { return: {} },
    );
    const qmp = await QmpClient.open(ours, clock);
    await expect(qmp.execute('x')).rejects.toMatchObject({
      code: 'PROCESS_FAILED',
      message: 'QEMU command x failed: no such command.',
    });
    qmp.dispose();
  });

  it('gives up on silence', async () => {
    const { ours } = fakeQemu((command) => (command === 'x' ? null : { return: {} }));
    const qmp = await QmpClient.open(ours, clock);
    const answer = qmp.execute('x', undefined, 500);
    clock.advance(500);
    await expect(answer).rejects.toThrow('no answer in 500 ms');
    qmp.dispose();
    expect(clock.pending).toBe(0);
  });

  it('gives up on a QEMU that never greets', async () => {
    const { ours } = fakeQemu(undefined, '');
    const opening = QmpClient.open(ours, clock, 1000);
    clock.advance(1000);
    await expect(opening).rejects.toMatchObject({ code: 'PROCESS_FAILED' });
    expect(ours.destroyed).toBe(true);
  });

  it('rejects what is pending when QEMU goes, and everything after', async () => {
    const { ours, its } = fakeQemu((command) => (command === 'x' ? null : { return: {} }));
    const qmp = await QmpClient.open(ours, clock);
    const answer = qmp.execute('x');
    its.end();
    await expect(answer).rejects.toThrow('QEMU closed the connection');
    await expect(qmp.execute('y')).rejects.toThrow('closed');
    expect(clock.pending).toBe(0);
  });
});
