/** Everything started returns something that stops it. `dispose` may be called twice; the second does nothing. */
export interface Disposable {
  dispose(): void | Promise<void>;
}

/** Collects what has been started and stops it in reverse order. */
export class Disposables implements Disposable {
  #items: Disposable[] = [];
  #disposed = false;

  /** Registers `item` and returns it. When the collection is already disposed, `item` is disposed at once. */
  add<T extends Disposable>(item: T): T {
    if (this.#disposed) void item.dispose();
    else this.#items.push(item);
    return item;
  }

  /** Registers a function to call on dispose. */
  defer(stop: () => void | Promise<void>): void {
    this.add({ dispose: stop });
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /** Stops everything, last started first; all are tried, then the first error (if any) is thrown. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    const errors: unknown[] = [];
    for (const item of this.#items.splice(0).reverse()) {
      try {
        await item.dispose();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}

/** A typed list of listeners: `on` returns what removes the listener again. */
export class Signal<T> {
  readonly #listeners = new Set<(value: T) => void>();

  on(listener: (value: T) => void): Disposable {
    const own = (value: T) => listener(value);
    this.#listeners.add(own);
    return { dispose: () => void this.#listeners.delete(own) };
  }

  emit(value: T): void {
    for (const listener of this.#listeners) listener(value);
  }

  get size(): number {
    return this.#listeners.size;
  }
}
