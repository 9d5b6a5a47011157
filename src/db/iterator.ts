import { invalidArgument, LsmError } from '../base/errors.js';
import { longestTurnMs } from '../base/clock.js';
import type { KeyInput } from './encoding.js';
import type { Scan } from './scan.js';

/** How often a walk looks at the clock. */
const entriesPerCheck = 256;

function checkCount(count: number): void {
  if (!Number.isSafeInteger(count) || count < 1) {
    throw invalidArgument(`nextMany takes a count of at least 1, not ${count}`);
  }
}

/**
 * Walks over entries as they were when it was made, without blocking the event
 * loop on a disk. Ends by itself at the last entry; close it when leaving
 * earlier (`for await` does that).
 *
 * Calls are made one at a time: a call while another one is pending throws `LSM_BUSY`.
 */
export class AsyncEntryIterator<T, Key = KeyInput> implements AsyncIterableIterator<
  T,
  undefined,
  undefined
> {
  readonly #scan: Scan<T>;
  #isWaiting = false;
  /** Entries until the clock is looked at, and when the event loop had its last turn. */
  #untilCheck = entriesPerCheck;
  #turnBeganMs: number;

  /** @internal Made by `Database`. */
  constructor(scan: Scan<T>) {
    this.#scan = scan;
    this.#turnBeganMs = scan.clock.monotonicMs();
    scan.heedSignal();
  }

  /** The next entry, or `done` at the end. @throws LsmError `LSM_CLOSED`, `LSM_ABORTED`, `LSM_CORRUPTION`, `LSM_IO` */
  async next(): Promise<IteratorResult<T, undefined>> {
    if (this.#scan.isOver) return { done: true, value: undefined };
    const value = await this.#exclusively(() => this.#advance());
    if (value !== undefined) return { done: false, value };
    this.#scan.end();
    return { done: true, value: undefined };
  }

  /**
   * Up to `count` entries; fewer only at the end, then an empty array. With `maxBytes`
   * also fewer once keys and values, as stored, are more than that: at least one.
   */
  async nextMany(count: number, maxBytes = Infinity): Promise<T[]> {
    checkCount(count);
    if (!(maxBytes >= 0)) throw invalidArgument(`maxBytes must be at least 0, not ${maxBytes}`);
    if (this.#scan.isOver) return [];
    return this.#exclusively(async () => {
      const values: T[] = [];
      let bytesLeft = maxBytes;
      while (values.length < count && bytesLeft >= 0 && !this.#scan.isExhausted) {
        const value = this.#stepAtOnce() ? this.#scan.take() : await this.#advance();
        if (value === undefined) {
          this.#scan.end();
          break;
        }
        values.push(value);
        if (maxBytes !== Infinity && !this.#scan.isExhausted) bytesLeft -= this.#scan.takenBytes;
      }
      return values;
    });
  }

  /** Goes on at `key`, or at the first one behind it in the iterator's direction, within its bounds; also backwards. */
  seek(key: Key): void {
    this.#checkIdle();
    this.#scan.seek(key);
  }

  /** Lets go of what the iterator pins. Closing twice is fine. */
  async close(): Promise<void> {
    this.#scan.close();
    return Promise.resolve();
  }

  /** `close`, as `for await` calls it when it is left early. */
  async return(): Promise<IteratorReturnResult<undefined>> {
    await this.close();
    return { done: true, value: undefined };
  }

  /** Itself: each entry is given once. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** `close`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Steps where that needs no wait. */
  #stepAtOnce(): boolean {
    if (this.#untilCheck === 1 || !this.#scan.step()) return false;
    this.#untilCheck--;
    return true;
  }

  async #advance(): Promise<T | undefined> {
    const scan = this.#scan;
    if (--this.#untilCheck === 0) await this.#giveTurn();
    while (!scan.step()) await this.#wait();
    return scan.take();
  }

  async #wait(): Promise<void> {
    const scan = this.#scan;
    try {
      await scan.cursor.wait();
    } catch (error) {
      // What it waited for may have gone when it was ended: that is why, not this.
      scan.checkOpen();
      throw error;
    }
    scan.checkOpen();
  }

  /** A long walk over cached blocks runs on promises alone: now and then others get their turn. */
  async #giveTurn(): Promise<void> {
    const { clock } = this.#scan;
    this.#untilCheck = entriesPerCheck;
    if (clock.monotonicMs() - this.#turnBeganMs < longestTurnMs) return;
    await new Promise<void>((resolve) => {
      clock.nextTurn(resolve);
    });
    this.#turnBeganMs = clock.monotonicMs();
    this.#scan.checkOpen();
  }

  async #exclusively<R>(run: () => Promise<R>): Promise<R> {
    this.#checkIdle();
    this.#isWaiting = true;
    try {
      return await run();
    } catch (error) {
      this.#scan.close();
      throw error;
    } finally {
      this.#isWaiting = false;
    }
  }

  #checkIdle(): void {
    if (this.#isWaiting) {
      throw new LsmError('LSM_BUSY', 'an iterator takes one call at a time: await the earlier one');
    }
  }
}

/** As `AsyncEntryIterator`, reading missing blocks synchronously. */
export class SyncEntryIterator<T, Key = KeyInput> implements IterableIterator<
  T,
  undefined,
  undefined
> {
  readonly #scan: Scan<T>;

  /** @internal Made by `Database`. */
  constructor(scan: Scan<T>) {
    this.#scan = scan;
  }

  /** The next entry, or `done` at the end. @throws LsmError `LSM_CORRUPTION`, `LSM_IO`, `LSM_UNSUPPORTED` */
  next(): IteratorResult<T, undefined> {
    const value = this.#advance();
    return value === undefined ? { done: true, value: undefined } : { done: false, value };
  }

  /** Up to `count` entries; fewer only at the end, then an empty array. */
  nextMany(count: number): T[] {
    checkCount(count);
    const values: T[] = [];
    while (values.length < count) {
      const value = this.#advance();
      if (value === undefined) break;
      values.push(value);
    }
    return values;
  }

  /** Goes on at `key`, or at the first one behind it in the iterator's direction, within its bounds; also backwards. */
  seek(key: Key): void {
    this.#scan.seek(key);
  }

  /** Lets go of what the iterator pins. Closing twice is fine. */
  close(): void {
    this.#scan.close();
  }

  /** `close`, as `for` calls it when it is left early. */
  return(): IteratorReturnResult<undefined> {
    this.close();
    return { done: true, value: undefined };
  }

  /** Itself: each entry is given once. */
  [Symbol.iterator](): this {
    return this;
  }

  /** `close`, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #advance(): T | undefined {
    const scan = this.#scan;
    if (scan.isOver) return undefined;
    try {
      while (!scan.step()) scan.cursor.waitSync();
      const value = scan.take();
      if (value === undefined) scan.end();
      return value;
    } catch (error) {
      scan.close();
      throw error;
    }
  }
}
