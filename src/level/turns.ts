/**
 * So many entries are read between two turns, about five milliseconds. A read counts
 * twice, it costs as much as two entries of a walk.
 */
const entriesPerTurn = 16_384;

/**
 * Gives the event loop its turn in the midst of reads. What is in memory is found at
 * once, and a program that awaits such reads one after the other runs on promises
 * alone: its timers and sockets would wait until it is done. Of other databases a
 * program knows that each read comes from another thread.
 */
export class Turns {
  #left = entriesPerTurn;

  /** `read`; now and then what settles after a turn, with the same result. */
  space<T>(read: Promise<T>): Promise<T> {
    return this.isDue(2) ? afterTurn(read) : read;
  }

  /** Counts `entries` that were read; true when a turn should come next. */
  isDue(entries: number): boolean {
    this.#left -= entries;
    if (this.#left > 0) return false;
    this.#left = entriesPerTurn;
    return true;
  }
}

/** Settles when the event loop has had a turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

async function afterTurn<T>(read: Promise<T>): Promise<T> {
  const result = await read;
  await turn();
  return result;
}
