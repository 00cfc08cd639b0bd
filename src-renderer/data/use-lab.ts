import { useEffect, useState } from 'react';
import type { PcView, ScreenView } from '../../src-main/api/contract/lab.ts';
import { controller, followLive } from './controller.ts';

/** The lab's PCs as they are now, by name, and whether the controller is in reach. */
export function useLab(): { pcs: PcView[]; connected: boolean | null } {
  const [pcs, setPcs] = useState<ReadonlyMap<string, PcView>>(new Map());
  const [connected, setConnected] = useState<boolean | null>(null);
  useEffect(() => followLive(({ pc }) => setPcs((known) => new Map(known).set(pc.id, pc)), setConnected), []);
  const byName = new Intl.Collator('en', { numeric: true });
  return { pcs: [...pcs.values()].sort((a, b) => byName.compare(a.name, b.name)), connected };
}

const SCREEN_INTERVAL_MS = 400;

/** A PC's screen, read anew while `watching`. */
export function useScreen(id: string, watching: boolean): ScreenView | null {
  const [screen, setScreen] = useState<ScreenView | null>(null);
  useEffect(() => {
    if (!watching) {
      setScreen(null);
      return;
    }
    let ended = false;
    let timer: ReturnType<typeof setTimeout>;
    const read = async () => {
      const now = await controller.screen(id).catch(() => null);
      if (ended) return;
      setScreen(now);
      timer = setTimeout(read, SCREEN_INTERVAL_MS);
    };
    void read();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, [id, watching]);
  return screen;
}
