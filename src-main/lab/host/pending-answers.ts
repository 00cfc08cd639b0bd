import type { Clock, Timer } from '../../base/clock.ts';

interface Question {
  readonly resolve: (answered: boolean) => void;
  readonly timers: Timer[];
}

/** Questions put to the network, each asked a few times until somebody answers or its time is up. */
export class PendingAnswers<Key> {
  readonly #clock: Clock;
  readonly #questions = new Map<Key, Set<Question>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Calls `send` now and again `repeats - 1` times, evenly spread over `timeoutMs`.
   * Resolves to true at the first answer, to false when time is up.
   */
  ask(key: Key, timeoutMs: number, repeats: number, send: () => void): Promise<boolean> {
    return new Promise((resolve) => {
      const question: Question = { resolve, timers: [] };
      const group = this.#questions.get(key) ?? new Set();
      this.#questions.set(key, group.add(question));
      for (let i = 1; i < repeats; i++)
        question.timers.push(this.#clock.after((timeoutMs * i) / repeats, send));
      question.timers.push(this.#clock.after(timeoutMs, () => this.#settle(key, question, false)));
      send();
    });
  }

  /** Whether anybody waits for an answer at all. */
  get idle(): boolean {
    return this.#questions.size === 0;
  }

  /** Somebody answered. */
  answer(key: Key): void {
    for (const question of this.#questions.get(key) ?? []) this.#settle(key, question, true);
  }

  /** Answers everything with "nobody". */
  dispose(): void {
    for (const [key, group] of this.#questions)
      for (const question of group) this.#settle(key, question, false);
  }

  #settle(key: Key, question: Question, answered: boolean): void {
    for (const timer of question.timers) timer.cancel();
    const group = this.#questions.get(key);
    group?.delete(question);
    if (group?.size === 0) this.#questions.delete(key);
    question.resolve(answered);
  }
}
