import { describe, expect, it } from 'vitest';
import { Disposables, Signal } from './disposable.ts';

describe('Disposables', () => {
  it('stops everything once, last started first, and waits for it', async () => {
    const stopped: string[] = [];
    const all = new Disposables();
    all.defer(() => void stopped.push('first'));
    all.defer(async () => {
      await null;
      stopped.push('second');
    });
    await all.dispose();
    await all.dispose();
    expect(stopped).toEqual(['second', 'first']);
    expect(all.disposed).toBe(true);
  });

  it('tries all, then throws the first error', async () => {
    const stopped: string[] = [];
    const all = new Disposables();
    all.defer(() => void stopped.push('ok'));
    all.defer(() => {
      throw new Error('second to fail');
    });
    all.defer(() => Promise.reject(new Error('first to fail')));
    await expect(all.dispose()).rejects.toThrow('first to fail');
    expect(stopped).toEqual(['ok']);
  });

  it('stops at once what is added too late', async () => {
    const all = new Disposables();
    await all.dispose();
    let stopped = 0;
    const item = { dispose: () => void stopped++ };
    expect(all.add(item)).toBe(item);
    expect(stopped).toBe(1);
  });
});

describe('Signal', () => {
  it('tells all listeners until they go', () => {
    const signal = new Signal<number>();
    const heard: string[] = [];
    const first = signal.on((n) => heard.push(`a${n}`));
    signal.on((n) => heard.push(`b${n}`));
    signal.emit(1);
    void first.dispose();
    void first.dispose();
    signal.emit(2);
    expect(heard).toEqual(['a1', 'b1', 'b2']);
    expect(signal.size).toBe(1);
  });

  it('holds the same listener twice when it is added twice', () => {
    const signal = new Signal<number>();
    let count = 0;
    const listener = () => void count++;
    const first = signal.on(listener);
    signal.on(listener);
    signal.emit(0);
    void first.dispose();
    signal.emit(0);
    expect(count).toBe(3);
  });
});
