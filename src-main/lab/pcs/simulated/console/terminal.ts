import { Signal } from '../../../../base/disposable.ts';
import type { Screen } from '../../screen.ts';
import { SerialConsole } from './serial-console.ts';
import { TextConsole } from './text-console.ts';

/** Screen, keyboard and serial port as one: what is printed shows on both, what is typed at either is heard. */
export class Terminal {
  readonly serial = new SerialConsole();
  /** Typed text, as it comes. */
  readonly onInput = new Signal<string>();
  readonly #screen = new TextConsole();

  constructor() {
    this.serial.onInput.on((text) => this.onInput.emit(text));
  }

  print(text: string): void {
    this.#screen.write(text);
    this.serial.print(text);
  }

  println(text = ''): void {
    this.print(`${text}\n`);
  }

  /** Clears the screen; the serial line keeps what it said. */
  clear(): void {
    this.#screen.clear();
  }

  /** From the keyboard. */
  type(text: string): void {
    this.onInput.emit(text);
  }

  /** A picture of the screen; blank while nothing is on it. */
  screen(): Screen {
    return this.#screen.blank ? { kind: 'blank' } : this.#screen.snapshot();
  }

  /** Switched on anew. */
  restart(): void {
    this.clear();
    this.serial.restart();
  }
}
