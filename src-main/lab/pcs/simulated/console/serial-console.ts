import { Signal } from '../../../../base/disposable.ts';
import type { SerialPort } from '../../pc.ts';

const HISTORY_BYTES = 64 << 10;

/**
 * The PC's serial port: keeps the last 64 KiB of output, and hands typed lines to whoever listens
 * (the login prompt of the running system). Input nobody listens to is lost, as on a real UART.
 */
export class SerialConsole implements SerialPort {
  readonly onOutput = new Signal<Uint8Array>();
  /** Bytes from the far end of the cable, decoded. */
  readonly onInput = new Signal<string>();
  #chunks: Uint8Array[] = [];
  #size = 0;
  #decoder = new TextDecoder();

  history(): Uint8Array {
    const all = new Uint8Array(this.#size);
    let offset = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, offset);
      offset += chunk.length;
    }
    this.#chunks = this.#size === 0 ? [] : [all];
    return all.slice(-HISTORY_BYTES);
  }

  write(data: Uint8Array): void {
    this.onInput.emit(this.#decoder.decode(data, { stream: true }));
  }

  /** Sends text out of the port; line feeds become CR LF as on a terminal line. */
  print(text: string): void {
    const data = new TextEncoder().encode(text.replace(/\r?\n/g, '\r\n'));
    if (data.length === 0) return;
    this.#chunks.push(data);
    this.#size += data.length;
    while (this.#size - (this.#chunks[0]?.length ?? 0) >= HISTORY_BYTES)
      this.#size -= this.#chunks.shift()?.length ?? 0;
    this.onOutput.emit(data);
  }

  /** Forgets the history: the PC has been switched on anew. */
  restart(): void {
    this.#chunks = [];
    this.#size = 0;
    this.#decoder = new TextDecoder();
  }
}
