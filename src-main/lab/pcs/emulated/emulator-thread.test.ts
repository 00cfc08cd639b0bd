import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import type { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../base/clock.ts';
import { EmulatorThread } from './emulator-thread.ts';
import { FrameBatch, framesOf } from './frame-batch.ts';
import type { FromWorker, MachineConfig, ToWorker } from './messages.ts';

class FakeWorker extends EventEmitter {
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly heard: ToWorker[] = [];
  terminated = 0;

  postMessage(message: ToWorker): void {
    this.heard.push(message);
  }

  async terminate(): Promise<number> {
    this.terminated++;
    this.emit('exit', 1);
    return 1;
  }

  say(message: FromWorker): void {
    this.emit('message', message);
  }
}

function start() {
  const worker = new FakeWorker();
  const clock = new ManualClock();
  const told: unknown[] = [];
  const starting = EmulatorThread.start(
    () => worker as unknown as Worker,
    {} as MachineConfig,
    {
      frame: (frame) => told.push(['frame', ...frame]),
      serial: (data) => told.push(['serial', ...data]),
      guest: (wants) => told.push(['guest', wants]),
      ended: (reason) => told.push(['ended', reason]),
    },
    clock,
  );
  const running = async () => {
    worker.say({ type: 'running' });
    return starting;
  };
  return { worker, clock, told, starting, running };
}

describe('EmulatorThread', () => {
  it('runs when the worker says so, leaving no timer', async () => {
    const { clock, running } = start();
    await running();
    expect(clock.pending).toBe(0);
  });

  it.each([
    ['cannot', 'no "x"', (worker: FakeWorker) => worker.say({ type: 'failed', problem: 'no "x"' })],
    [
      'dies',
      'boom',
      (worker: FakeWorker) => worker.emit('error', new Error('boom')) && worker.emit('exit', 1),
    ],
    ['ends', 'exit code 3', (worker: FakeWorker) => worker.emit('exit', 3)],
  ] as const)('rejects with the reason when the worker %s', async (_, reason, happen) => {
    const { worker, told, starting } = start();
    happen(worker);
    await expect(starting).rejects.toThrow(reason);
    expect(worker.terminated).toBe(1);
    expect(told).toEqual([]);
  });

  it('does not wait for ever', async () => {
    const { worker, clock, starting } = start();
    clock.advance(60_000);
    await expect(starting).rejects.toThrow('in time');
    expect(worker.terminated).toBe(1);
  });

  it('sends the frames of one turn together', async () => {
    const { worker, running } = start();
    const thread = await running();
    thread.transmit(Uint8Array.of(1));
    thread.transmit(Uint8Array.of(2, 3));
    await Promise.resolve();
    thread.transmit(Uint8Array.of(4));
    await Promise.resolve();
    const batches = worker.heard.map((message) =>
      message.type === 'frames' ? [...framesOf(message.batch)] : [],
    );
    expect(batches).toEqual([[Uint8Array.of(1), Uint8Array.of(2, 3)], [Uint8Array.of(4)]]);
  });

  it('tells what comes from the PC', async () => {
    const { worker, told, running } = start();
    await running();
    const batch = new FrameBatch();
    batch.add(Uint8Array.of(1));
    batch.add(Uint8Array.of(2));
    worker.say({ type: 'frames', batch: batch.take() });
    worker.say({ type: 'serial', data: Uint8Array.of(65) });
    worker.say({ type: 'guest', wants: 'off' });
    expect(told).toEqual([
      ['frame', 1],
      ['frame', 2],
      ['serial', 65],
      ['guest', 'off'],
    ]);
  });

  it('asks for the screen once, however many want it', async () => {
    const { worker, running } = start();
    const thread = await running();
    const screens = Promise.all([thread.screen(), thread.screen()]);
    worker.say({ type: 'screen', screen: { kind: 'blank' } });
    expect(await screens).toEqual([{ kind: 'blank' }, { kind: 'blank' }]);
    expect(worker.heard).toEqual([{ type: 'screen' }]);
  });

  it('says once that it ended, and answers whoever waits', async () => {
    const { worker, told, running } = start();
    const thread = await running();
    const waiting = Promise.all([thread.screen(), thread.type('abc')]);
    worker.emit('error', new Error('out of memory'));
    worker.emit('exit', 1);
    expect(await waiting).toEqual([{ kind: 'blank' }, undefined]);
    expect(told).toEqual([['ended', 'out of memory']]);
    expect(await thread.screen()).toEqual({ kind: 'blank' });
  });

  it('is silent after stop', async () => {
    const { worker, told, running } = start();
    const thread = await running();
    await thread.stop();
    worker.say({ type: 'serial', data: Uint8Array.of(65) });
    thread.transmit(Uint8Array.of(1));
    thread.serial(Uint8Array.of(1));
    await Promise.resolve();
    expect(told).toEqual([]);
    expect(worker.heard).toEqual([]);
  });
});
