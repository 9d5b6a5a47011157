import { longestTurnMs, type Clock } from '../base/clock.js';

/**
 * Says when it is time to let the event loop turn. A loop that awaits each write
 * runs on promises alone and would keep timers, sockets and our own workers'
 * messages waiting until it ends.
 */
export class LoopTurn {
  readonly #clock: Clock;
  /** When something of this turn of the event loop was asked for first. */
  #beganMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isDue(): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (this.#beganMs !== undefined) return nowMs - this.#beganMs > longestTurnMs;
    this.#beganMs = nowMs;
    this.#clock.nextTurn(() => {
      this.#beganMs = undefined;
    });
    return false;
  }
}
