import { CursorEntry, type Cursor } from '../iterator/cursor.js';
import { noRef, type Arenas, type Ref } from './arenas.js';
import type { KeyTree } from './key-tree.js';
import { leafMoves, leafNext, leafPrevious, leafRecords, nodeCount } from './node.js';
import { olderOf, readRecord } from './record.js';
import { newestVersionAt, oldestVersion, oldestVersionAbove } from './versions.js';

/**
 * Keys that came in random order have their records all over the arenas: 117 ns
 * for each next() of 250,000, as the processor looks only about three entries ahead. Asked
 * for in bursts the loads overlap: 81 ns (16 at a time: 75, but wasted by short scans).
 */
const burst = 8;

/**
 * A cursor over a memtable; nothing ever has to be waited for. Entries may be
 * added while it is open: those ahead of it will be met, and those it has passed
 * will not. Its entry's views point into the arenas.
 */
export class MemtableCursor implements Cursor {
  readonly entry = new CursorEntry();
  readonly #tree: KeyTree;
  readonly #arenas: Arenas;
  /** The record it stands on; `noRef` while invalid. */
  #record: Ref = noRef;
  /** Where the record's key is, as long as the leaf's slots have not moved. */
  #words!: Int32Array;
  #base = 0;
  #slot = 0;
  #moves = 0;
  /** Never used; it keeps the compiler from dropping the loads of `#warm`. */
  touched = 0;

  constructor(tree: KeyTree) {
    this.#tree = tree;
    this.#arenas = tree.arenas;
  }

  get valid(): boolean {
    return this.#record !== noRef;
  }

  first(): boolean {
    this.#record = noRef;
    const leaf = this.#tree.firstLeaf;
    if (leaf === noRef) return true;
    this.#enter(leaf);
    return this.#landForward(0);
  }

  last(): boolean {
    this.#record = noRef;
    const leaf = this.#tree.lastLeaf;
    if (leaf === noRef) return true;
    this.#enter(leaf);
    return this.#landBackward(this.#words[this.#base + nodeCount] - 1);
  }

  seek(key: Uint8Array, seq: number): boolean {
    this.#record = noRef;
    if (this.#tree.root === noRef) return true;
    const found = this.#tree.find(key, 0, key.length);
    this.#enter(this.#tree.foundLeaf);
    if (found < 0) return this.#landForward(~found);
    const version = newestVersionAt(this.#arenas, this.#recordAt(found), seq);
    return version === noRef ? this.#landForward(found + 1) : this.#land(found, version);
  }

  seekBefore(key: Uint8Array, seq: number): boolean {
    this.#record = noRef;
    if (this.#tree.root === noRef) return true;
    const found = this.#tree.find(key, 0, key.length);
    this.#enter(this.#tree.foundLeaf);
    if (found < 0) return this.#landBackward(~found - 1);
    const version = oldestVersionAbove(this.#arenas, this.#recordAt(found), seq);
    return version === noRef ? this.#landBackward(found - 1) : this.#land(found, version);
  }

  next(): boolean {
    const older = olderOf(this.#arenas, this.#record);
    if (older !== noRef) return this.#land(this.#slot, older);
    if (this.#words[this.#base + leafMoves] !== this.#moves) this.#findAgain();
    return this.#landForward(this.#slot + 1);
  }

  prev(): boolean {
    if (this.#words[this.#base + leafMoves] !== this.#moves) this.#findAgain();
    const newest = this.#recordAt(this.#slot);
    if (newest === this.#record) return this.#landBackward(this.#slot - 1);
    return this.#land(this.#slot, oldestVersionAbove(this.#arenas, newest, this.entry.seq));
  }

  close(): void {
    this.#record = noRef;
  }

  wait(): Promise<void> {
    return Promise.resolve();
  }

  waitSync(): void {
    // Every call is complete at once.
  }

  /** To the newest version of the key at `slot`, or of the first key of the next leaf. */
  #landForward(slot: number): boolean {
    if (slot >= this.#words[this.#base + nodeCount]) {
      const next = this.#words[this.#base + leafNext];
      if (next === noRef) {
        this.#record = noRef;
        return true;
      }
      this.#enter(next);
      slot = 0;
    }
    if (slot % burst === 0) this.#warm(slot);
    return this.#land(slot, this.#recordAt(slot));
  }

  /** To the oldest version of the key at `slot`, or of the last key of the leaf before. */
  #landBackward(slot: number): boolean {
    if (slot < 0) {
      const previous = this.#words[this.#base + leafPrevious];
      if (previous === noRef) {
        this.#record = noRef;
        return true;
      }
      this.#enter(previous);
      slot = this.#words[this.#base + nodeCount] - 1;
    }
    if (slot % burst === burst - 1) this.#warm(slot - burst + 1);
    return this.#land(slot, oldestVersion(this.#arenas, this.#recordAt(slot)));
  }

  /** Asks for the records of `burst` slots at once. */
  #warm(slot: number): void {
    const { words, offsetBits, offsetMask } = this.#arenas;
    const end = Math.min(slot + burst, this.#words[this.#base + nodeCount]);
    let touched = 0;
    for (; slot < end; slot++) {
      const record = this.#recordAt(slot);
      touched |= words[record >>> offsetBits][record & offsetMask];
    }
    this.touched = touched;
  }

  #land(slot: number, record: Ref): boolean {
    this.#slot = slot;
    this.#record = record;
    readRecord(this.#arenas, record, this.entry);
    return true;
  }

  #enter(leaf: Ref): void {
    const { words, offsetBits, offsetMask } = this.#arenas;
    this.#words = words[leaf >>> offsetBits];
    this.#base = leaf & offsetMask;
    this.#moves = this.#words[this.#base + leafMoves];
  }

  /** Keys were added around the cursor's own, which may stand in another leaf by now. */
  #findAgain(): void {
    const { keyBytes, keyStart, keyEnd } = this.entry;
    this.#slot = this.#tree.find(keyBytes, keyStart, keyEnd);
    this.#enter(this.#tree.foundLeaf);
  }

  #recordAt(slot: number): Ref {
    return this.#words[this.#base + leafRecords + slot];
  }
}
