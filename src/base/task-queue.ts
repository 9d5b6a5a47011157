import { assert } from './assert.js';
import { Task, type Steps, type Waitable } from './task.js';

/** A place in a `TaskQueue`; waiting on it waits for everything before it too. */
export interface QueuedTask<T> extends Waitable {
  /** The steps' result; only after a wait. Rethrows their error. */
  result(): T;
}

/**
 * Runs steps one after the other, never interleaved: manifest edits, log
 * switches. A caller that cannot wait finishes what is before it synchronously.
 */
export class TaskQueue {
  readonly #onLateError: (error: unknown) => void;
  readonly #waiting: Entry<unknown>[] = [];
  #running: Entry<unknown> | undefined;

  constructor(onLateError: (error: unknown) => void) {
    this.#onLateError = onLateError;
  }

  get isIdle(): boolean {
    return this.#running === undefined;
  }

  add<T>(start: () => Steps<T>): QueuedTask<T> {
    const entry = new Entry<T>(start, (until) => this.#finishSync(until as Entry<unknown>));
    this.#waiting.push(entry as Entry<unknown>);
    this.#startNext();
    return entry;
  }

  /** Settles when nothing is queued or under way. Errors stay with those who queued. */
  async drain(): Promise<void> {
    while (this.#running !== undefined) await this.#running.settled;
  }

  #startNext(): void {
    if (this.#running !== undefined) return;
    const entry = this.#waiting.shift();
    if (entry === undefined) return;
    this.#running = entry;
    const task = entry.begin(this.#onLateError);
    const done = (): void => this.#retire(entry);
    if (task.isDone) done();
    else task.promise.then(done, done);
  }

  #retire(entry: Entry<unknown>): void {
    if (this.#running !== entry) return;
    this.#running = undefined;
    entry.settle();
    this.#startNext();
  }

  #finishSync(until: Entry<unknown>): void {
    while (!until.isSettled) {
      const running = this.#running!;
      running.finishSync();
      this.#retire(running);
    }
  }
}

class Entry<T> implements QueuedTask<T> {
  readonly settled: Promise<void>;
  isSettled = false;
  readonly #start: () => Steps<T>;
  readonly #finishUntil: (entry: Entry<T>) => void;
  #resolveSettled!: () => void;
  #task: Task<T> | undefined;

  constructor(start: () => Steps<T>, finishUntil: (entry: Entry<T>) => void) {
    this.#start = start;
    this.#finishUntil = finishUntil;
    this.settled = new Promise((resolve) => {
      this.#resolveSettled = resolve;
    });
  }

  begin(onLateError: (error: unknown) => void): Task<T> {
    return (this.#task = new Task(this.#start(), onLateError));
  }

  settle(): void {
    this.isSettled = true;
    this.#resolveSettled();
  }

  /** Completes the task; its outcome is for those who ask with `result`. */
  finishSync(): void {
    const task = this.#task;
    assert(task !== undefined, 'steps do not wait for their own queue');
    try {
      task.finishSync();
    } catch {
      // Not hidden: `result` rethrows it to whoever queued this task.
    }
  }

  async wait(): Promise<void> {
    await this.settled;
    this.result();
  }

  waitSync(): void {
    this.#finishUntil(this);
    this.result();
  }

  result(): T {
    // A done task's finishSync returns its value or rethrows its error.
    return this.#task!.finishSync();
  }
}

/** Queues `start` and, as a step, waits for its result. */
export function* runQueued<T>(queue: TaskQueue, start: () => Steps<T>): Steps<T> {
  const queued = queue.add(start);
  yield queued;
  return queued.result();
}
