import { copyRange } from '../base/bytes.js';
import { kindPut, type EntryKind } from '../base/internal-key.js';
import { CursorEntry, type Cursor } from '../iterator/cursor.js';
import { BlockRequest } from './block-request.js';
import { grown } from './bytes-column.js';
import type { DataBlock } from './data-block.js';
import { dataBlockHeaderBytes } from './data-block-writer.js';
import { ReadAhead } from './read-ahead.js';
import type { TableReader } from './table-reader.js';

export interface TableCursorOptions {
  /** Whether blocks that are read stay in the block cache. Default true; compaction says false. */
  readonly fillCache?: boolean;
}

/** A range read of some ten entries needs one block or two, and should read no more. */
const streakBeforeReadAhead = 2;

/**
 * A cursor over one table. It holds the table and one data block. The key it
 * shows is contiguous in a buffer of its own: the block's common prefix is
 * written once per block, the tail per entry; the value is a view of the block.
 */
export class TableCursor implements Cursor {
  readonly entry = new CursorEntry();
  valid = false;
  /** A table without superseded entries has each key once. */
  readonly repeatsKey: false | undefined;
  readonly #table: TableReader;
  readonly #fillCache: boolean;
  /** The current block was decoded for this cursor alone. */
  #isOwnBlock = false;
  readonly #request = new BlockRequest();
  /** Made when the cursor is seen to read block after block. */
  #ahead: ReadAhead | undefined;
  #waiting: BlockRequest | ReadAhead = this.#request;
  /** The block read last from disk, and how many before it were its neighbours. */
  #lastRead = -1;
  #streak = 0;
  #block: DataBlock | undefined;
  #number = -1;
  #at = 0;
  #key = new Uint8Array(64);
  #isClosed = false;

  constructor(table: TableReader, options: TableCursorOptions = {}) {
    this.#table = table;
    this.#fillCache = options.fillCache ?? true;
    this.repeatsKey = table.properties.superseded === 0 ? false : undefined;
    table.acquire();
    this.entry.keyBytes = this.#key;
  }

  first(): boolean {
    return this.#goTo(0, false);
  }

  last(): boolean {
    return this.#goTo(this.#table.index.count - 1, true);
  }

  seek(key: Uint8Array, seq: number): boolean {
    const number = Math.max(0, this.#table.index.findBlock(key, seq));
    if (number >= this.#table.index.count) return this.#end();
    const block = this.#enter(number);
    if (block === undefined) return false;
    const at = block.lowerBound(key, seq);
    return at < block.count ? this.#show(at) : this.#goTo(number + 1, false);
  }

  seekBefore(key: Uint8Array, seq: number): boolean {
    const number = this.#table.index.findBlock(key, seq);
    if (number < 0) return this.#end();
    const block = this.#enter(number);
    if (block === undefined) return false;
    const at = block.lowerBound(key, seq);
    return at > 0 ? this.#show(at - 1) : this.#goTo(number - 1, true);
  }

  next(): boolean {
    const at = this.#at + 1;
    return at < this.#block!.count ? this.#show(at) : this.#goTo(this.#number + 1, false);
  }

  prev(): boolean {
    return this.#at > 0 ? this.#show(this.#at - 1) : this.#goTo(this.#number - 1, true);
  }

  async wait(): Promise<void> {
    // What the OS has in memory is read sooner than the thread pool wakes up.
    if (this.#request.isExpectedFast) this.#waiting.waitSync();
    else await this.#waiting.wait();
  }

  waitSync(): void {
    this.#waiting.waitSync();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#block = undefined;
    this.#ahead = undefined;
    this.#waiting = this.#request;
    this.#request.clear();
    this.#table.release();
  }

  /** To the first or last entry of a block, or off the end when there is no such block. */
  #goTo(number: number, atLast: boolean): boolean {
    if (number < 0 || number >= this.#table.index.count) return this.#end();
    const block = this.#enter(number);
    if (block === undefined) return false;
    return this.#show(atLast ? block.count - 1 : 0);
  }

  #end(): boolean {
    this.valid = false;
    return true;
  }

  /** Makes block `number` the current one; undefined when it must be read first. */
  #enter(number: number): DataBlock | undefined {
    if (this.#number === number && this.#block !== undefined) return this.#block;
    const table = this.#table;
    let block = this.#request.find(table, number);
    let isRead = block !== undefined;
    let isOwn = false;
    block ??= table.blocks.find(number);
    if (block === undefined) {
      block = this.#ahead?.find(number, this.#fillCache, this.#leftBuffer());
      isRead = true;
      isOwn = !this.#fillCache;
    }
    if (block === undefined) {
      this.#ask(number);
      return undefined;
    }
    if (isRead) {
      this.#streak = number === this.#lastRead + 1 ? this.#streak + 1 : 0;
      this.#lastRead = number;
      this.#request.clear();
    }
    this.#block = block;
    this.#isOwnBlock = isOwn;
    this.#number = number;
    const prefixLength = block.prefixLength;
    this.#reserveKey(prefixLength);
    const prefixEnd = dataBlockHeaderBytes + prefixLength;
    copyRange(block.bytes, dataBlockHeaderBytes, prefixEnd, this.#key, 0);
    return block;
  }

  /**
   * The memory of the block being left, where nobody else has it: a compaction
   * would otherwise leave as much garbage outside the heap as it reads.
   */
  #leftBuffer(): ArrayBuffer | undefined {
    return this.#isOwnBlock ? (this.#block?.bytes.buffer as ArrayBuffer) : undefined;
  }

  #ask(number: number): void {
    this.#request.ask(this.#table, number, this.#fillCache);
    const isSequential = this.#streak >= streakBeforeReadAhead && number === this.#lastRead + 1;
    if (isSequential) {
      this.#ahead ??= new ReadAhead(this.#table.blocks);
      this.#ahead.aim(number);
      this.#waiting = this.#ahead;
    } else {
      this.#waiting = this.#request;
    }
  }

  #show(at: number): boolean {
    const block = this.#block!;
    const { words, bytes, prefixLength } = block;
    const entry = this.entry;
    const bounds = block.bounds + at;
    const start = words[bounds];
    const end = words[bounds + 1];
    const keyEnd = prefixLength + end - start;
    if (keyEnd > this.#key.length) this.#reserveKey(keyEnd);
    const key = this.#key;
    if (end - start < 48) {
      for (let i = start, to = prefixLength; i < end; i++, to++) key[to] = bytes[i];
    } else {
      copyRange(bytes, start, end, key, prefixLength);
    }
    entry.keyEnd = keyEnd;
    entry.seq = block.seqLow === 0 ? block.baseSeq : block.seqAt(at);
    entry.kind = block.kinds === 0 ? kindPut : (bytes[block.kinds + at] as EntryKind);
    const values = bounds + block.count;
    entry.valueBytes = bytes;
    entry.valueStart = words[values];
    entry.valueEnd = words[values + 1];
    this.#at = at;
    this.valid = true;
    return true;
  }

  #reserveKey(length: number): void {
    if (length <= this.#key.length) return;
    this.#key = grown(this.#key, length);
    this.entry.keyBytes = this.#key;
  }
}
