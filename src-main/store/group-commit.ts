/**
 * Many small writes, one commit: what is asked for while a commit is under way goes into the next one, so the
 * slower the disk, the larger the groups, and nobody waits for more than two commits.
 */
export class GroupCommit<Write> {
  readonly #commit: (writes: readonly Write[]) => Promise<void>;
  #next: Group<Write> | null = null;
  #running: Promise<void> | null = null;

  /** `commit` makes a group durable, all or nothing, and rejects when it could not. */
  constructor(commit: (writes: readonly Write[]) => Promise<void>) {
    this.#commit = commit;
  }

  /** Resolves when `write` is durable; rejects when its group failed. */
  add(write: Write): Promise<void> {
    this.#next ??= { writes: [], ...Promise.withResolvers<void>() };
    const { writes, promise } = this.#next;
    writes.push(write);
    this.#running ??= this.#run();
    return promise;
  }

  /** Resolves when everything asked for so far has been committed or has failed. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    // To the end of this turn of the event loop: all datagrams received in it share one commit.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#next) {
      const { writes, resolve, reject } = this.#next;
      this.#next = null;
      await this.#commit(writes).then(resolve, reject);
    }
    this.#running = null;
  }
}

interface Group<Write> extends PromiseWithResolvers<void> {
  readonly writes: Write[];
}
