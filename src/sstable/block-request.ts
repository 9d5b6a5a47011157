import { assert } from '../base/assert.js';
import type { Waitable } from '../base/task.js';
import type { BlockPlace } from './block-place.js';
import { DataBlock } from './data-block.js';
import type { TableBlock } from './table-blocks.js';
import type { TableReader } from './table-reader.js';

/** A lookup needs part of a filter, part of an index, a block, and perhaps the next part and block. */
const maxKept = 5;

/**
 * Names the block that a lookup or cursor needs from disk. `wait` or `waitSync`
 * reads, verifies and caches it, and keeps it here, so that the repeated call
 * finds it even where the cache keeps nothing. One per lookup in flight, used
 * again and again.
 */
export class BlockRequest implements Waitable {
  #table: TableReader | undefined;
  #place: BlockPlace | undefined;
  #fillCache = true;
  #isExpectedFast = true;
  /** What was read for this lookup, by file offset. */
  readonly #offsets: number[] = [];
  readonly #blocks: TableBlock[] = [];

  /** True when the block is expected in the OS page cache, so that `waitSync` costs less than `wait`. */
  get isExpectedFast(): boolean {
    return this.#isExpectedFast;
  }

  async wait(): Promise<void> {
    const { table, place } = this.#missing();
    if (this.find(table, place.offset) !== undefined) return;
    const block = await table.blocks.read(place, this.#fillCache);
    // Meanwhile the request may have moved on, or a synchronous caller have read the block.
    if (this.#place === place && this.find(table, place.offset) === undefined) {
      this.#keep(place, block);
    }
  }

  waitSync(): void {
    const { table, place } = this.#missing();
    if (this.find(table, place.offset) !== undefined) return;
    this.#keep(place, table.blocks.readSync(place, this.#fillCache));
  }

  /** @internal */
  ask(table: TableReader, place: BlockPlace, fillCache = true): void {
    if (this.#table !== table) this.clear();
    this.#table = table;
    this.#place = place;
    this.#fillCache = fillCache;
    this.#isExpectedFast = table.blocks.expectFastRead();
  }

  /** The block at `offset` if this request has it. @internal */
  find(table: TableReader, offset: number): TableBlock | undefined {
    if (this.#table !== table) return undefined;
    const at = this.#offsets.indexOf(offset);
    return at < 0 ? undefined : this.#blocks[at];
  }

  /** Lets go of what it holds. @internal */
  clear(): void {
    if (this.#table === undefined) return;
    this.#table = undefined;
    this.#place = undefined;
    if (this.#blocks.length === 0) return;
    for (const block of this.#blocks) if (block instanceof DataBlock) block.letGo();
    this.#offsets.length = 0;
    this.#blocks.length = 0;
  }

  #keep(place: BlockPlace, block: TableBlock): void {
    if (this.#offsets.length === maxKept) {
      // Of a lookup that was given up.
      this.#offsets.shift();
      const oldest = this.#blocks.shift();
      if (oldest instanceof DataBlock) oldest.letGo();
    }
    if (block instanceof DataBlock) block.hold();
    this.#offsets.push(place.offset);
    this.#blocks.push(block);
  }

  #missing(): { table: TableReader; place: BlockPlace } {
    assert(
      this.#table !== undefined && this.#place !== undefined,
      'a block request is waited for only after it was asked',
    );
    return { table: this.#table, place: this.#place };
  }
}
