import { assert } from '../base/assert.js';
import type { Waitable } from '../base/task.js';
import type { DataBlock } from './data-block.js';
import type { TableReader } from './table-reader.js';

/** Asks for a table's filter instead of a data block. */
export const filterPart = -1;

/**
 * Names the block that a lookup or cursor needs from disk. `wait` or `waitSync`
 * reads, verifies and caches it, and keeps it here, so that the repeated call
 * finds it even where the cache keeps nothing. One per lookup in flight, used
 * again and again.
 */
export class BlockRequest implements Waitable {
  #table: TableReader | undefined;
  #number = 0;
  #block: DataBlock | undefined;
  /** The block got before this one: a lookup may need two neighbours. */
  #earlierNumber = 0;
  #earlier: DataBlock | undefined;
  #fillCache = true;
  #isExpectedFast = true;

  /** True when the block is expected in the OS page cache, so that `waitSync` costs less than `wait`. */
  get isExpectedFast(): boolean {
    return this.#isExpectedFast;
  }

  async wait(): Promise<void> {
    const { table, number } = this.#missing();
    if (number === filterPart) return table.loadFilter();
    if (this.#block !== undefined) return;
    const block = await table.blocks.read(number, this.#fillCache);
    if (this.#table === table && this.#number === number) this.#block = block;
  }

  waitSync(): void {
    const { table, number } = this.#missing();
    if (number === filterPart) table.loadFilterSync();
    else this.#block ??= table.blocks.readSync(number, this.#fillCache);
  }

  /** @internal */
  ask(table: TableReader, number: number, fillCache = true): void {
    if (this.#table === table && this.#block !== undefined) {
      this.#earlier = this.#block;
      this.#earlierNumber = this.#number;
    }
    this.#table = table;
    this.#number = number;
    this.#block = undefined;
    this.#fillCache = fillCache;
    this.#isExpectedFast = table.blocks.expectFastRead();
  }

  /** The block if this request has it. @internal */
  find(table: TableReader, number: number): DataBlock | undefined {
    if (this.#table !== table) return undefined;
    if (this.#number === number) return this.#block;
    return this.#earlierNumber === number ? this.#earlier : undefined;
  }

  /** Lets go of what it holds. @internal */
  clear(): void {
    this.#table = undefined;
    this.#block = undefined;
    this.#earlier = undefined;
  }

  #missing(): { table: TableReader; number: number } {
    assert(this.#table !== undefined, 'a block request is waited for only after it was asked');
    return { table: this.#table, number: this.#number };
  }
}
