import type { Clock } from '../base/clock.js';

/** What has failed is tried again so much later, doubling each time. */
const firstDelayMs = 50;
const lastDelayMs = 5000;

/** Says when something that has failed may be tried again. */
export class BackOff {
  readonly #clock: Clock;
  readonly #onDue: () => void;
  #failures = 0;
  #cancel: (() => void) | undefined;

  /** `onDue` is called when a pause has passed. */
  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** True in a pause: it is not to be tried yet. */
  get isWaiting(): boolean {
    return this.#cancel !== undefined;
  }

  /** In a row. */
  get failures(): number {
    return this.#failures;
  }

  failed(): void {
    this.#cancel?.();
    const delayMs = Math.min(lastDelayMs, firstDelayMs * 2 ** this.#failures++);
    this.#cancel = this.#clock.after(delayMs, () => {
      this.#cancel = undefined;
      this.#onDue();
    });
  }

  succeeded(): void {
    this.#failures = 0;
    this.skip();
  }

  /** Ends the pause: somebody waits for it. `onDue` is not called. */
  skip(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
