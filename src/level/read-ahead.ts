import type { AsyncEntryIterator } from '../index.js';
import { aborted, toLevelError } from './errors.js';
import { isWithin, type Range } from './range.js';
import { toInput } from './stores.js';
import { turn, type Turns } from './turns.js';

/** `next` reads so many entries ahead at most, as classic-level does. */
const mostAhead = 1000;
/** Bytes held in memory by one iterator, unless `highWaterMarkBytes` says otherwise. */
const defaultBytes = 256 * 1024;

interface ReadAheadOptions extends Range {
  readonly signal?: AbortSignal | null | undefined;
  readonly highWaterMarkBytes?: number | undefined;
}

/** What the iterators of abstract-level share: entries from ours, read ahead, and the rules of `seek`. */
export class ReadAhead<T> {
  readonly #entries: AsyncEntryIterator<unknown> | undefined;
  /** Why there is nothing to read. Told by reads: a deferred iterator is made where nobody could catch it. */
  readonly #failure: unknown;
  /** Makes of what is read, in place, what abstract-level wants. */
  readonly #shape: ((items: unknown[]) => void) | undefined;
  readonly #range: Range;
  readonly #maxBytes: number;
  readonly #turns: Turns;
  readonly #signal: AbortSignal | null | undefined;
  #ahead: T[] = [];
  #at = 0;
  /** Entries to read when the next one is asked for: 1, then twice as many each time. */
  #count = 1;
  #isOutside = false;

  constructor(
    openEntries: () => AsyncEntryIterator<unknown>,
    shape: ((items: unknown[]) => void) | undefined,
    options: ReadAheadOptions,
    turns: Turns,
  ) {
    try {
      this.#entries = openEntries();
    } catch (error) {
      this.#failure = error;
    }
    this.#signal = options.signal;
    this.#shape = shape;
    this.#range = options;
    const mark = options.highWaterMarkBytes;
    this.#maxBytes = typeof mark === 'number' && mark >= 0 ? mark : defaultBytes;
    this.#turns = turns;
  }

  /** The next entry, at once where it was read ahead; undefined at the end. `left`: no more are wanted. */
  next(left: number): T | undefined | Promise<T | undefined> {
    if (this.#at < this.#ahead.length) return this.#ahead[this.#at++];
    return this.#nextFromStore(left);
  }

  /** Up to `size` entries, none at the end. */
  nextv(size: number): T[] | Promise<T[]> {
    if (this.#at < this.#ahead.length) {
      const from = this.#at;
      this.#at = Math.min(this.#ahead.length, from + size);
      return this.#ahead.slice(from, this.#at);
    }
    return this.#read(size);
  }

  /** Goes to `target`. Outside of the range there is nothing, as in classic-level. */
  seek(target: unknown): void {
    this.#ahead = [];
    this.#at = 0;
    this.#count = 1;
    const key = toInput(target);
    this.#isOutside = !isWithin(key, this.#range);
    if (!this.#isOutside) this.#entries?.seek(key);
  }

  async close(): Promise<void> {
    this.#ahead = [];
    await this.#entries?.close();
  }

  async #nextFromStore(left: number): Promise<T | undefined> {
    this.#ahead = await this.#read(Math.min(this.#count, left));
    this.#count = Math.min(this.#count * 2, mostAhead);
    this.#at = 1;
    return this.#ahead[0];
  }

  async #read(size: number): Promise<T[]> {
    if (this.#isOutside) return [];
    try {
      if (this.#entries === undefined) throw this.#failure;
      const items = await this.#entries.nextMany(size, this.#maxBytes);
      if (this.#turns.isDue(items.length)) await turn();
      // What came from memory was there before the signal could end it.
      if (this.#signal?.aborted) throw aborted(this.#signal);
      this.#shape?.(items);
      return items as T[];
    } catch (error) {
      throw toLevelError(error);
    }
  }
}
