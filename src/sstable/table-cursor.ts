import { copyRange } from '../base/bytes.js';
import { kindPut, maxSeq, type EntryKind } from '../base/internal-key.js';
import { CursorEntry, type Cursor } from '../iterator/cursor.js';
import { BlockRequest } from './block-request.js';
import { grown } from './bytes-column.js';
import type { DataBlock } from './data-block.js';
import { dataBlockHeaderBytes } from './data-block-writer.js';
import type { IndexPart } from './index-part.js';
import { ReadAhead } from './read-ahead.js';
import type { TableReader } from './table-reader.js';

export interface TableCursorOptions {
  /** Whether blocks that are read stay in the block cache. Default true; compaction says false. */
  readonly fillCache?: boolean;
  /** Bounds of the scan where they are known, `upper` exclusive: blocks beyond are not read ahead. */
  readonly lower?: Uint8Array | undefined;
  readonly upper?: Uint8Array | undefined;
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
  readonly #lower: Uint8Array | undefined;
  readonly #upper: Uint8Array | undefined;
  /** The current block was decoded for this cursor alone. */
  #isOwnBlock = false;
  readonly #request = new BlockRequest();
  /** Made when the cursor is seen to read block after block. */
  #ahead: ReadAhead | undefined;
  #waiting: BlockRequest | ReadAhead = this.#request;
  /** Where in the file the block read last stands. */
  #readStart = -1;
  #readEnd = -1;
  /** How many reads before it were of its neighbours, below 0 for those behind it. */
  #streak = 0;
  #block: DataBlock | undefined;
  /** The part of the index that the block is in, and its number there. */
  #part: IndexPart | undefined;
  #number = -1;
  #at = 0;
  #key = new Uint8Array(64);
  #isClosed = false;

  constructor(table: TableReader, options: TableCursorOptions = {}) {
    this.#table = table;
    this.#fillCache = options.fillCache ?? true;
    this.#lower = options.lower;
    this.#upper = options.upper;
    this.repeatsKey = table.properties.superseded === 0 ? false : undefined;
    table.acquire();
    this.entry.keyBytes = this.#key;
  }

  first(): boolean {
    const part = this.#partAt(0);
    return part !== undefined && this.#goTo(part, 0, false);
  }

  last(): boolean {
    const part = this.#partAt(this.#table.indexParts - 1);
    return part !== undefined && this.#goTo(part, part.index.count - 1, true);
  }

  seek(key: Uint8Array, seq: number): boolean {
    const part = this.#partOf(key, seq);
    if (part === undefined) return false;
    const number = Math.max(0, part.index.findBlock(key, seq));
    if (number >= part.index.count) return this.#end();
    const block = this.#enter(part, number);
    if (block === undefined) return false;
    const at = block.lowerBound(key, seq);
    return at < block.count ? this.#show(at) : this.#goTo(part, number + 1, false);
  }

  seekBefore(key: Uint8Array, seq: number): boolean {
    const part = this.#partOf(key, seq);
    if (part === undefined) return false;
    const number = part.index.findBlock(key, seq);
    if (number < 0) return this.#end();
    const block = this.#enter(part, number);
    if (block === undefined) return false;
    const at = block.lowerBound(key, seq);
    return at > 0 ? this.#show(at - 1) : this.#goTo(part, number - 1, true);
  }

  next(): boolean {
    const at = this.#at + 1;
    if (at < this.#block!.count) return this.#show(at);
    return this.#goTo(this.#part!, this.#number + 1, false);
  }

  prev(): boolean {
    if (this.#at > 0) return this.#show(this.#at - 1);
    return this.#goTo(this.#part!, this.#number - 1, true);
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
    this.#block?.letGo();
    this.#block = undefined;
    this.#part = undefined;
    this.#ahead = undefined;
    this.#waiting = this.#request;
    this.#request.clear();
    this.#table.release();
  }

  #partOf(key: Uint8Array, seq: number): IndexPart | undefined {
    return this.#partAt(this.#table.indexPartOf(key, seq));
  }

  /** A part of the index; undefined when it must be read first. */
  #partAt(number: number): IndexPart | undefined {
    if (this.#part !== undefined && this.#part.number === number) return this.#part;
    const part = this.#table.indexPartAt(number, this.#request);
    if (part === undefined) this.#waiting = this.#request;
    return part;
  }

  /**
   * To the first or last entry of a block, over the border of its part of the
   * index where the number says so, or off the end when there is no such block.
   */
  #goTo(part: IndexPart, number: number, atLast: boolean): boolean {
    let block: DataBlock | undefined;
    if (number < 0 || number >= part.index.count) {
      const neighbour = part.number + (number < 0 ? -1 : 1);
      if (neighbour < 0 || neighbour >= this.#table.indexParts) return this.#end();
      const found = this.#partAt(neighbour);
      if (found === undefined) return false;
      block = this.#enter(found, number < 0 ? found.index.count - 1 : 0);
    } else {
      block = this.#enter(part, number);
    }
    if (block === undefined) return false;
    return this.#show(atLast ? block.count - 1 : 0);
  }

  #end(): boolean {
    this.valid = false;
    return true;
  }

  /** Makes a block the current one; undefined when it must be read first. */
  #enter(part: IndexPart, number: number): DataBlock | undefined {
    if (this.#number === number && this.#part === part && this.#block !== undefined) {
      return this.#block;
    }
    const { index } = part;
    const offset = index.offsetAt(number);
    let block = this.#request.find(this.#table, offset) as DataBlock | undefined;
    let isRead = block !== undefined;
    let isOwn = false;
    block ??= this.#table.blocks.find(part, number);
    if (block === undefined) {
      block = this.#ahead?.find(part, number, this.#fillCache, this.#leftBuffer());
      isRead = true;
      isOwn = !this.#fillCache;
    }
    if (block === undefined) {
      this.#ask(part, number);
      return undefined;
    }
    if (isRead) this.#follow(offset, offset + index.sizeAt(number));
    block.hold();
    this.#request.clear();
    this.#block?.letGo();
    this.#block = block;
    this.#isOwnBlock = isOwn;
    this.#part = part;
    this.#number = number;
    const prefixLength = block.prefixLength;
    this.#reserveKey(prefixLength);
    const prefixEnd = dataBlockHeaderBytes + prefixLength;
    copyRange(block.bytes, dataBlockHeaderBytes, prefixEnd, this.#key, 0);
    return block;
  }

  /** Takes in where a block was read: next to the one before, or elsewhere. */
  #follow(start: number, end: number): void {
    if (start === this.#readEnd) this.#streak = Math.max(this.#streak, 0) + 1;
    else if (end === this.#readStart) this.#streak = Math.min(this.#streak, 0) - 1;
    else this.#streak = 0;
    this.#readStart = start;
    this.#readEnd = end;
  }

  /**
   * The memory of the block being left, where nobody else has it: a compaction
   * would otherwise leave as much garbage outside the heap as it reads.
   */
  #leftBuffer(): ArrayBuffer | undefined {
    return this.#isOwnBlock ? (this.#block?.bytes.buffer as ArrayBuffer) : undefined;
  }

  #ask(part: IndexPart, number: number): void {
    const place = part.placeOf(number);
    this.#request.ask(this.#table, place, this.#fillCache);
    this.#waiting = this.#request;
    if (this.#streak >= streakBeforeReadAhead && place.offset === this.#readEnd) {
      const upper = this.#upper;
      const { index } = part;
      const limit = upper === undefined ? index.count : index.findBlock(upper, maxSeq) + 1;
      this.#waiting = this.#readAhead().aim(part, number, limit);
    } else if (
      this.#streak <= -streakBeforeReadAhead &&
      place.offset + place.size === this.#readStart
    ) {
      const lower = this.#lower;
      const least = lower === undefined ? 0 : Math.max(0, part.index.findBlock(lower, maxSeq));
      this.#waiting = this.#readAhead().aimBack(part, number, least);
    }
  }

  #readAhead(): ReadAhead {
    return (this.#ahead ??= new ReadAhead(this.#table.blocks));
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
