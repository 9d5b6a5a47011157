import { Prng } from '../../src/base/prng.js';

interface Event {
  readonly label: string;
  readonly run: () => void;
}

interface Timer {
  readonly dueMs: number;
  readonly run: () => void;
}

/** Simulated time that one event takes is up to twice as much. */
const meanStepMs = 0.5;
/** More than any run needs that gets anywhere. */
const mostSteps = 100_000;

/**
 * Owns every source of order: what is under way in the thread pool, what has
 * completed and not been heard of, turns of the event loop, timers, and who goes
 * on. Of all that could happen next, the seed picks what does; promises then
 * run until nobody can go on without another event.
 */
export class Scheduler {
  /** What has happened, a line for each event and result. */
  readonly trace: string[] = [];
  readonly #random: Prng;
  /** Calls that the thread pool has not done yet. They need nobody's thread. */
  readonly #inPool: Event[] = [];
  readonly #ready: Event[] = [];
  /** First in, first out, as in every event loop. */
  readonly #turns: (() => void)[] = [];
  /** By the time they are due. */
  readonly #timers: Timer[] = [];
  readonly #isSlow: (label: string) => boolean;
  #nowMs = 1_000_000;
  /** Events that happened although others had been waiting for longer. */
  overtakes = 0;
  steps = 0;

  constructor(seed: number) {
    this.#random = new Prng(seed);
    const slow = [/ \d+\.log/, /\.sst/, /MANIFEST/, /^sync/, /^writer/, /^read/, /^$/, /^$/, /^$/];
    const pattern = slow[this.#random.below(slow.length)];
    this.#isSlow = (label) => pattern.test(label);
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Time passes in this thread. */
  pass(ms: number): void {
    this.#nowMs += ms;
  }

  chance(probability: number): boolean {
    return this.#random.chance(probability);
  }

  below(bound: number): number {
    return this.#random.below(bound);
  }

  note(line: string): void {
    this.trace.push(line);
  }

  /** Something that the thread pool does, sooner or later. */
  addToPool(label: string, run: () => void): void {
    this.#inPool.push({ label, run });
  }

  /** Something that the event loop hears of. */
  add(label: string, run: () => void): void {
    this.#ready.push({ label, run });
  }

  addTurn(run: () => void): void {
    this.#turns.push(run);
  }

  /** Returns a cancel function. */
  addTimer(delayMs: number, run: () => void): () => void {
    const timer = { dueMs: this.#nowMs + delayMs, run };
    const after = this.#timers.findIndex(({ dueMs }) => dueMs > timer.dueMs);
    this.#timers.splice(after < 0 ? this.#timers.length : after, 0, timer);
    return () => {
      const at = this.#timers.indexOf(timer);
      if (at >= 0) this.#timers.splice(at, 1);
    };
  }

  /** Settles when it is this caller's turn. */
  turn(label: string): Promise<void> {
    return new Promise((resolve) => this.add(label, resolve));
  }

  /** While this thread is in a call that blocks, the thread pool may get on. */
  letPoolRun(): void {
    while (this.#inPool.length > 0 && this.#random.chance(0.4)) this.#runFromPool();
  }

  /** Lets things happen until `work` is over. */
  async run<T>(work: Promise<T>): Promise<T> {
    let isOver = false;
    const over = (): void => {
      isOver = true;
    };
    work.then(over, over);
    for (;;) {
      await new Promise((resolve) => void setImmediate(resolve));
      if (isOver) return work;
      if (this.steps++ > mostSteps) throw new Error(`no end after ${mostSteps} events`);
      if (!this.#step()) throw new Error('it hangs: nothing can happen any more');
    }
  }

  #step(): boolean {
    this.pass(this.#random.below(32) * (meanStepMs / 16));
    const pool = this.#inPool.length;
    const ready = this.#ready.length;
    const turn = this.#turns.length > 0 ? 1 : 0;
    const count = pool + ready + turn;
    if (this.#isTimerNext(count)) return this.#runTimer();
    if (count === 0) return false;
    const which = this.#random.below(count);
    if (which < pool) this.#runFromPool();
    else if (which < pool + ready) this.#take(this.#ready).run();
    else {
      this.note('turn');
      this.#turns.shift()!();
    }
    return true;
  }

  #isTimerNext(others: number): boolean {
    if (this.#timers.length === 0) return false;
    return others === 0 || this.#random.chance(this.#timers[0].dueMs <= this.#nowMs ? 0.2 : 0.01);
  }

  #runTimer(): boolean {
    const timer = this.#timers.shift()!;
    this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
    this.note(`timer at ${this.#nowMs}`);
    timer.run();
    return true;
  }

  #runFromPool(): void {
    this.#take(this.#inPool).run();
  }

  /** What is slow under this seed is mostly passed over. */
  #take(events: Event[]): Event {
    let at = this.#random.below(events.length);
    for (let tries = 0; tries < 6 && this.#isSlow(events[at].label); tries++) {
      if (this.#random.chance(0.8)) at = this.#random.below(events.length);
    }
    if (at > 0) this.overtakes++;
    const [event] = events.splice(at, 1);
    this.note(event.label);
    return event;
  }
}
