import { compareBytes, emptyBytes } from '../base/bytes.js';
import type { TableMeta } from '../base/table-meta.js';
import type { Waitable } from '../base/task.js';
import { CursorEntry, type Cursor } from './cursor.js';
import {
  callFirst,
  callLast,
  callNone,
  callSeek,
  callSeekBefore,
  PendingCall,
  type Call,
} from './pending-call.js';

/** Where a `ConcatIterator` gets its tables' cursors from. */
export interface TableOpener {
  /** A new cursor over the table, or undefined while the table is not open. */
  openCursor(meta: TableMeta): Cursor | undefined;
  /** What opens the table, so that `openCursor` gives its cursor afterwards. */
  request(meta: TableMeta): Waitable;
}

/**
 * One cursor over disjoint tables in key order (a level). At most one of them is
 * open at a time: each table's cursor is made on arrival and closed on leaving.
 */
export class ConcatIterator implements Cursor {
  readonly #tables: readonly TableMeta[];
  readonly #opener: TableOpener;
  readonly #pending = new PendingCall();
  readonly #none = new CursorEntry();
  #index = -1;
  #cursor: Cursor | undefined;
  /** The call that brings the cursor of table `#index` into place; `callNone` when it is. */
  #arrival: Call = callNone;
  #waitsFor: Waitable | undefined;

  /** `tables` are sorted by key and disjoint. */
  constructor(tables: readonly TableMeta[], opener: TableOpener) {
    this.#tables = tables;
    this.#opener = opener;
  }

  get valid(): boolean {
    return this.#cursor !== undefined;
  }

  /** The versions of a key are never spread over tables. */
  get repeatsKey(): boolean | undefined {
    return this.#cursor?.repeatsKey;
  }

  get entry(): CursorEntry {
    return this.#cursor === undefined ? this.#none : this.#cursor.entry;
  }

  next(): boolean {
    if (this.#arrival === callNone) {
      const cursor = this.#cursor!;
      if (!cursor.next()) {
        this.#waitsFor = cursor;
        return false;
      }
      if (cursor.valid) return true;
      this.#goTo(this.#index + 1, callFirst);
    }
    return this.#arrive(emptyBytes, 0);
  }

  prev(): boolean {
    if (this.#arrival === callNone) {
      const cursor = this.#cursor!;
      if (!cursor.prev()) {
        this.#waitsFor = cursor;
        return false;
      }
      if (cursor.valid) return true;
      this.#goTo(this.#index - 1, callLast);
    }
    return this.#arrive(emptyBytes, 0);
  }

  first(): boolean {
    return this.#position(callFirst, emptyBytes, 0);
  }

  last(): boolean {
    return this.#position(callLast, emptyBytes, 0);
  }

  seek(key: Uint8Array, seq: number): boolean {
    return this.#position(callSeek, key, seq);
  }

  seekBefore(key: Uint8Array, seq: number): boolean {
    return this.#position(callSeekBefore, key, seq);
  }

  async wait(): Promise<void> {
    await this.#waitsFor?.wait();
  }

  waitSync(): void {
    this.#waitsFor?.waitSync();
  }

  close(): void {
    this.#leave();
  }

  #position(call: Call, key: Uint8Array, seq: number): boolean {
    if (!this.#pending.isRepeatedBy(call, key, seq)) this.#goTo(this.#tableFor(call, key), call);
    if (this.#arrive(key, seq)) {
      this.#pending.clear();
      return true;
    }
    this.#pending.suspend(call, key, seq);
    return false;
  }

  #goTo(index: number, arrival: Call): void {
    if (index !== this.#index) this.#leave();
    this.#index = index;
    this.#arrival = arrival;
  }

  #leave(): void {
    this.#cursor?.close();
    this.#cursor = undefined;
    this.#waitsFor = undefined;
  }

  /** Completes the arrival, going on to the neighbour when there is nothing for us in this table. */
  #arrive(key: Uint8Array, seq: number): boolean {
    while (this.#index >= 0 && this.#index < this.#tables.length) {
      if (this.#cursor === undefined) {
        const meta = this.#tables[this.#index];
        this.#cursor = this.#opener.openCursor(meta);
        if (this.#cursor === undefined) {
          this.#waitsFor = this.#opener.request(meta);
          return false;
        }
      }
      const cursor = this.#cursor;
      if (!placeCursor(cursor, this.#arrival, key, seq)) {
        this.#waitsFor = cursor;
        return false;
      }
      if (cursor.valid) break;
      if (this.#arrival === callFirst || this.#arrival === callSeek) {
        this.#goTo(this.#index + 1, callFirst);
      } else {
        this.#goTo(this.#index - 1, callLast);
      }
    }
    this.#arrival = callNone;
    return true;
  }

  /** The only table that can hold the target, or else a neighbour of it. */
  #tableFor(call: Call, key: Uint8Array): number {
    const tables = this.#tables;
    if (call === callFirst) return 0;
    if (call === callLast) return tables.length - 1;
    // seek: the first table that ends at or behind the key; seekBefore: the last that begins at or before it.
    let low = 0;
    let high = tables.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const isBefore =
        call === callSeek
          ? compareBytes(tables[middle].largest, key) < 0
          : compareBytes(tables[middle].smallest, key) <= 0;
      if (isBefore) low = middle + 1;
      else high = middle;
    }
    return call === callSeek ? low : low - 1;
  }
}

function placeCursor(cursor: Cursor, call: Call, key: Uint8Array, seq: number): boolean {
  if (call === callFirst) return cursor.first();
  if (call === callLast) return cursor.last();
  return call === callSeek ? cursor.seek(key, seq) : cursor.seekBefore(key, seq);
}
