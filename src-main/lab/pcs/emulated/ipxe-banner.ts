import type { Clock, Timer } from '../../../base/clock.ts';
import type { Disposable } from '../../../base/disposable.ts';
import { type Screen, screenLines } from '../screen.ts';

/** What iPXE's ROM shows while it waits two seconds for Ctrl-B; any other key ends the wait at once. */
const BANNER = 'Press Ctrl-B for the iPXE command line';
/** A key that means nothing to the firmware around it. */
const KEY = ' ';
const LOOK_EVERY_MS = 40;
/** The banner comes within the first second, later on a busy machine; a PC that boots from disk has none. */
const GIVE_UP_AFTER_MS = 8000;

export interface BannerWatch {
  readonly screen: () => Promise<Screen>;
  readonly type: (text: string) => Promise<void>;
  readonly clock: Clock;
}

/** Presses a key once when iPXE's banner stands on the screen, so that a boot does not wait for nobody. */
export function skipIpxeBanner({ screen, type, clock }: BannerWatch): Disposable {
  let ended = false;
  let timer: Timer;
  let waitedMs = 0;
  const look = async () => {
    if (screenLines(await screen()).some((line) => line.includes(BANNER))) {
      if (!ended) await type(KEY);
      return;
    }
    waitedMs += LOOK_EVERY_MS;
    if (!ended && waitedMs < GIVE_UP_AFTER_MS) wait();
  };
  const wait = () => {
    timer = clock.after(LOOK_EVERY_MS, () => void look());
  };
  wait();
  return {
    dispose() {
      ended = true;
      timer.cancel();
    },
  };
}
