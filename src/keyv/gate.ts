/**
 * Keeps writes and sweeps apart: a sweep looks at an entry and deletes it, and a
 * value written between the two would be lost.
 */
export class Gate {
  readonly #writes = new Set<Promise<unknown>>();
  #closed: Promise<void> | undefined;

  /** Runs with other writes, never with what `exclusively` runs. */
  async write<T>(run: () => Promise<T>): Promise<T> {
    while (this.#closed !== undefined) await this.#closed;
    const write = run();
    this.#writes.add(write);
    try {
      return await write;
    } finally {
      this.#writes.delete(write);
    }
  }

  /** Runs alone, once the writes that are under way have ended. */
  async exclusively<T>(run: () => Promise<T>): Promise<T> {
    while (this.#closed !== undefined) await this.#closed;
    const { promise, resolve } = makePromise();
    this.#closed = promise;
    try {
      await Promise.allSettled(this.#writes);
      return await run();
    } finally {
      this.#closed = undefined;
      resolve();
    }
  }
}

function makePromise(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
