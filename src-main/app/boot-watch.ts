import type { Ipv4, Mac } from '../base/address.ts';
import type { BootEvent, BootLog } from '../base/boot-event.ts';
import { Signal } from '../base/disposable.ts';
import { advance, type BootProgress, newProgress } from '../domain/events/boot-progress.ts';

/**
 * Collects the boot events of all services, puts the machine's MAC to those that know only an address,
 * and keeps each machine's progress.
 */
export class BootWatch {
  readonly onEvent = new Signal<BootEvent>();
  readonly onProgress = new Signal<BootProgress>();
  readonly #macs = new Map<Ipv4, Mac>();
  readonly #progress = new Map<Mac, BootProgress>();

  /** Hand this to every service. */
  readonly log: BootLog = (event) => {
    const mac = event.mac ?? (event.ip === undefined ? undefined : this.#macs.get(event.ip));
    if (mac === undefined) {
      this.onEvent.emit(event);
      return;
    }
    if (event.phase === 'dhcp' && event.step === 'ack' && event.ip !== undefined)
      this.#macs.set(event.ip, mac);
    const known: BootEvent = { ...event, mac };
    this.onEvent.emit(known);
    const progress = advance(this.progressOf(mac), known);
    this.#progress.set(mac, progress);
    this.onProgress.emit(progress);
  };

  progressOf(mac: Mac): BootProgress {
    return this.#progress.get(mac) ?? newProgress(mac);
  }

  forget(mac: Mac): void {
    this.#progress.delete(mac);
  }
}
