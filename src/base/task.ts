/**
 * Steps: one algorithm for callers that may wait and callers that may not.
 *
 * Everything that touches a disk is written once, as a generator that yields a
 * `Waitable` wherever it needs one: a block to be read, a buffer to be written,
 * a file to be synced. The caller decides how to wait: `runAsync` awaits it,
 * `runSync` performs it on the spot.
 */
export interface Waitable {
  /** Performs the operation without blocking the event loop. */
  wait(): Promise<void>;
  /**
   * Performs the operation before it returns. It may be called while a `wait()`
   * of the same object is under way (a synchronous caller that takes over), so
   * doing the operation twice must be the same as doing it once.
   * @throws LsmError `LSM_UNSUPPORTED` where the file system has no synchronous calls.
   */
  waitSync(): void;
}

export type Steps<T> = Generator<Waitable, T, void>;

export function runSync<T>(steps: Steps<T>): T {
  let result = steps.next();
  while (!result.done) {
    try {
      result.value.waitSync();
    } catch (error) {
      result = steps.throw(error);
      continue;
    }
    result = steps.next();
  }
  return result.value;
}

export async function runAsync<T>(steps: Steps<T>): Promise<T> {
  let result = steps.next();
  while (!result.done) {
    try {
      await result.value.wait();
    } catch (error) {
      result = steps.throw(error);
      continue;
    }
    result = steps.next();
  }
  return result.value;
}

/** Wraps a pair of calls as a `Waitable`. */
export function waitable(wait: () => Promise<void>, waitSync: () => void): Waitable {
  return { wait, waitSync };
}

type Outcome<T> = { readonly value: T } | { readonly error: unknown };

/**
 * Runs steps in the background, and lets a synchronous caller take over halfway:
 * `finishSync` repeats the step that is under way synchronously, then does the
 * rest. Used for log switches and manifest edits, which `putSync` may need now.
 */
export class Task<T> {
  readonly promise: Promise<T>;
  readonly #steps: Steps<T>;
  readonly #onLateError: (error: unknown) => void;
  #current: Waitable | undefined;
  #outcome: Outcome<T> | undefined;
  #settle!: (outcome: Outcome<T>) => void;
  #inFlight: Promise<void> | undefined;
  /** The first step that failed when a synchronous caller did it: if it is in flight, too, its failure is known. */
  #failedSync: Waitable | undefined;

  /**
   * `onLateError` hears of a step that failed in the thread pool after a
   * synchronous caller had repeated it with success: a failed fsync must not be
   * forgotten because a second one went through.
   */
  constructor(steps: Steps<T>, onLateError: (error: unknown) => void) {
    this.#steps = steps;
    this.#onLateError = onLateError;
    this.promise = new Promise<T>((resolve, reject) => {
      this.#settle = (outcome) => {
        if ('error' in outcome) reject(outcome.error);
        else resolve(outcome.value);
      };
    });
    // A caller that finished the task synchronously has the error already.
    this.promise.catch(() => undefined);
    this.#advance(() => this.#steps.next());
    this.#loop();
  }

  get isDone(): boolean {
    return this.#outcome !== undefined;
  }

  /** Does what is left before it returns; rethrows the steps' error. */
  finishSync(): T {
    while (this.#outcome === undefined) {
      const current = this.#current!;
      try {
        current.waitSync();
      } catch (error) {
        this.#failedSync ??= current;
        this.#advance(() => this.#steps.throw(error));
        continue;
      }
      this.#advance(() => this.#steps.next());
    }
    if ('error' in this.#outcome) throw this.#outcome.error;
    return this.#outcome.value;
  }

  /** Settles once nothing of this task is in the hands of the thread pool any more. */
  async quiesce(): Promise<void> {
    while (this.#inFlight !== undefined) await this.#inFlight;
  }

  #advance(resume: () => IteratorResult<Waitable, T>): void {
    try {
      const result = resume();
      if (result.done) this.#finish({ value: result.value });
      else this.#current = result.value;
    } catch (error) {
      this.#finish({ error });
    }
  }

  #finish(outcome: Outcome<T>): void {
    this.#current = undefined;
    this.#outcome = outcome;
    this.#settle(outcome);
  }

  #loop(): void {
    const waiting = this.#current;
    if (waiting === undefined) return;
    const goOn = (resume: () => IteratorResult<Waitable, T>): void => {
      this.#advance(resume);
      this.#loop();
    };
    this.#inFlight = waiting.wait().then(
      () => {
        this.#inFlight = undefined;
        if (this.#current === waiting) goOn(() => this.#steps.next());
      },
      (error: unknown) => {
        this.#inFlight = undefined;
        if (this.#current === waiting) goOn(() => this.#steps.throw(error));
        else if (this.#failedSync !== waiting) this.#onLateError(error);
      },
    );
  }
}
