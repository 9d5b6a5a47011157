import type { Clock } from '../base/clock.js';
import { shortestDelayMs } from './pressure.js';

/**
 * Settlements that are held back, in order, on one timer. When pressure is gone
 * (a flush has ended), `releaseAll` lets everything go at once.
 */
export class HeldSettlements {
  readonly #clock: Clock;
  readonly #held: { readonly dueMs: number; readonly settle: () => void }[] = [];
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isEmpty(): boolean {
    return this.#held.length === 0;
  }

  /**
   * Calls `settle` after `delayMs` and after all that were added before: at once
   * if that is now, or when the event loop has had a turn with `afterTurn`.
   */
  add(delayMs: number, settle: () => void, afterTurn = false): void {
    if (delayMs === 0 && !afterTurn && this.isEmpty) {
      settle();
      return;
    }
    const dueMs = Math.max(this.#clock.monotonicMs() + delayMs, this.#held.at(-1)?.dueMs ?? 0);
    this.#held.push({ dueMs, settle });
    if (this.#cancelTimer === undefined) this.#waitForFirst();
  }

  releaseAll(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    for (const { settle } of this.#held.splice(0)) settle();
  }

  #waitForFirst(): void {
    const waitMs = this.#held[0].dueMs - this.#clock.monotonicMs();
    if (waitMs > 0) {
      this.#cancelTimer = this.#clock.after(waitMs, () => this.#releaseDue(), true);
      return;
    }
    let isCancelled = false;
    this.#cancelTimer = () => (isCancelled = true);
    this.#clock.nextTurn(() => {
      if (!isCancelled) this.#releaseDue();
    });
  }

  #releaseDue(): void {
    this.#cancelTimer = undefined;
    const nowMs = this.#clock.monotonicMs();
    // Timers may be a little early: what is nearly due is not worth another one.
    const next = this.#held.findIndex(({ dueMs }) => dueMs > nowMs + shortestDelayMs / 2);
    const due = this.#held.splice(0, next === -1 ? this.#held.length : next);
    for (const { settle } of due) settle();
    // A settlement may have added others, and with them a timer.
    if (this.#held.length > 0 && this.#cancelTimer === undefined) this.#waitForFirst();
  }
}
