import type { Clock } from '../../src/base/clock.js';
import type { Scheduler } from './scheduler.js';

/** The time of a scheduler: it goes on with each event, and now and then between two looks at it. */
export class ScheduledClock implements Clock {
  readonly #scheduler: Scheduler;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  wallMs(): number {
    return this.monotonicMs();
  }

  monotonicMs(): number {
    if (this.#scheduler.chance(1 / 32)) this.#scheduler.pass(this.#scheduler.below(64) / 8);
    return this.#scheduler.nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    return this.#scheduler.addTimer(delayMs, run);
  }

  nextTurn(run: () => void): void {
    this.#scheduler.addTurn(run);
  }

  sleepSync(delayMs: number): void {
    this.#scheduler.pass(delayMs);
    this.#scheduler.letPoolRun();
  }
}
