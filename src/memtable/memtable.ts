import { assert } from '../base/assert.js';
import {
  kindDelete,
  maxKeyBytes,
  maxSeq,
  maxValueBytes,
  type EntryKind,
} from '../base/internal-key.js';
import type { Cursor, CursorEntry } from '../iterator/cursor.js';
import { ArenaAllocator } from './arena-allocator.js';
import type { ArenaPool } from './arena-pool.js';
import { noRef, type Arenas, type Ref } from './arenas.js';
import type { FrozenMemtable, MemtableCounts } from './frozen-memtable.js';
import { emptyRoots, KeyTree } from './key-tree.js';
import { MemtableCursor } from './memtable-cursor.js';
import { leafRecords, nodeCount } from './node.js';
import {
  compareRecordKey,
  depthOf,
  readRecord,
  recordBytes,
  seqOf,
  writeRecord,
} from './record.js';
import { TreeWriter } from './tree-writer.js';
import { jumpOverNewest, newestVersionAt } from './versions.js';

/**
 * The in-memory sorted map: keys ascending, versions of one key newest first.
 *
 * Records and a B+-tree over them live in pooled shared memory, so that a frozen
 * memtable can be read by a worker without a copy. Only the thread that made it
 * adds entries. No memory is taken before the first entry.
 */
export class Memtable implements MemtableCounts {
  readonly #allocator: ArenaAllocator;
  readonly #arenas: Arenas;
  readonly #tree: KeyTree;
  readonly #writer: TreeWriter;
  #state: 'active' | 'frozen' | 'released' = 'active';
  /** The last new key was the highest: the next one is tried there first. */
  #isAscending = false;
  #entries = 0;
  #tombstones = 0;
  #rawBytes = 0;
  #smallestSeq = 0;
  #largestSeq = 0;

  constructor(pool: ArenaPool) {
    this.#allocator = new ArenaAllocator(pool);
    this.#arenas = this.#allocator.arenas;
    this.#tree = new KeyTree(this.#arenas, emptyRoots);
    this.#writer = new TreeWriter(this.#tree, this.#allocator);
  }

  /**
   * Adds an entry; key and value are copied. `seq` is above every one that the
   * key already has. When memory runs out nothing is added.
   */
  add(
    keyBytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    seq: number,
    kind: EntryKind,
    valueBytes: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): void {
    assert(this.#state === 'active', 'entries are added to an active memtable');
    const keyLength = keyEnd - keyStart;
    const valueLength = valueEnd - valueStart;
    assert(keyLength >= 0 && keyLength <= maxKeyBytes, 'a key has at most 65,535 bytes');
    assert(valueLength >= 0 && valueLength <= maxValueBytes, 'a value has at most 2^28 bytes');
    assert(seq >= 0 && seq <= maxSeq, 'a sequence number is a safe integer');

    const slot = this.#findPlace(keyBytes, keyStart, keyEnd);
    const leaf = this.#tree.foundLeaf;
    let older: Ref = noRef;
    let jump: Ref = noRef;
    let depth = 0;
    if (slot >= 0) {
      older = this.#recordAt(leaf, slot);
      assert(seqOf(this.#arenas, older) < seq, 'versions of a key are added oldest first');
      jump = jumpOverNewest(this.#arenas, older);
      depth = depthOf(this.#arenas, older) + 1;
    }
    const record = this.#allocator.allocateRecord(recordBytes(keyLength, valueLength, slot >= 0));
    writeRecord(
      this.#arenas,
      record,
      keyBytes,
      keyStart,
      keyEnd,
      seq,
      kind,
      valueBytes,
      valueStart,
      valueEnd,
      older,
      jump,
      depth,
    );
    if (slot < 0) this.#writer.insert(leaf, ~slot, record);
    else this.#setRecordAt(leaf, slot, record);
    this.#count(keyLength + valueLength, seq, kind);
  }

  /**
   * Finds the newest version of a key with a sequence number of at most `seq`
   * and points `into` at it (views into the arenas, valid until `release`).
   * False when the key has none.
   */
  get(
    keyBytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    seq: number,
    into: CursorEntry,
  ): boolean {
    assert(this.#state !== 'released', 'a released memtable is not read');
    if (this.#tree.root === noRef) return false;
    const slot = this.#tree.find(keyBytes, keyStart, keyEnd);
    if (slot < 0) return false;
    const newest = this.#recordAt(this.#tree.foundLeaf, slot);
    const version = newestVersionAt(this.#arenas, newest, seq);
    if (version === noRef) return false;
    readRecord(this.#arenas, version, into);
    return true;
  }

  /** A cursor over all entries, also over those added while it is open. */
  cursor(): Cursor {
    assert(this.#state !== 'released', 'a released memtable is not read');
    return new MemtableCursor(this.#tree);
  }

  get entries(): number {
    return this.#entries;
  }

  get tombstones(): number {
    return this.#tombstones;
  }

  get rawBytes(): number {
    return this.#rawBytes;
  }

  get usedBytes(): number {
    return this.#allocator.usedBytes;
  }

  get smallestSeq(): number {
    return this.#smallestSeq;
  }

  get largestSeq(): number {
    return this.#largestSeq;
  }

  /** Ends the adding of entries; reading goes on, here and in whatever thread gets the result. */
  freeze(): FrozenMemtable {
    assert(this.#state !== 'released', 'a released memtable is not read');
    this.#state = 'frozen';
    return {
      buffers: this.#arenas.buffers.slice(),
      offsetBits: this.#arenas.offsetBits,
      roots: this.#tree.roots(),
      entries: this.#entries,
      tombstones: this.#tombstones,
      rawBytes: this.#rawBytes,
      usedBytes: this.usedBytes,
      smallestSeq: this.#smallestSeq,
      largestSeq: this.#largestSeq,
    };
  }

  /** Gives the arenas back to the pool. No reader, in no thread, may use them any more. */
  release(): void {
    if (this.#state === 'released') return;
    this.#state = 'released';
    this.#allocator.release();
  }

  /** As `find`; makes room for the key's bytes in the common prefix, and tries the end first when keys ascend. */
  #findPlace(keyBytes: Uint8Array, keyStart: number, keyEnd: number): number {
    const tree = this.#tree;
    if (tree.root === noRef) this.#writer.plant();
    if (tree.compareWithCommon(keyBytes, keyStart, keyEnd) !== 0) {
      this.#writer.admit(keyBytes, keyStart, keyEnd);
    }
    const lastLeaf = tree.lastLeaf;
    if (this.#isAscending) {
      const count = this.#countOf(lastLeaf);
      const skip = tree.commonPrefix.length;
      const highest = this.#recordAt(lastLeaf, count - 1);
      if (compareRecordKey(this.#arenas, highest, skip, keyBytes, keyStart + skip, keyEnd) < 0) {
        tree.foundLeaf = lastLeaf;
        return ~count;
      }
    }
    const slot = tree.descend(keyBytes, keyStart, keyEnd);
    const isBehindAll = tree.foundLeaf === lastLeaf && ~slot === this.#countOf(lastLeaf);
    this.#isAscending = isBehindAll && slot !== ~0;
    return slot;
  }

  #count(rawBytes: number, seq: number, kind: EntryKind): void {
    if (this.#entries === 0 || seq < this.#smallestSeq) this.#smallestSeq = seq;
    if (seq > this.#largestSeq) this.#largestSeq = seq;
    this.#entries++;
    if (kind === kindDelete) this.#tombstones++;
    this.#rawBytes += rawBytes;
  }

  #countOf(leaf: Ref): number {
    const { words, offsetBits, offsetMask } = this.#arenas;
    return words[leaf >>> offsetBits][(leaf & offsetMask) + nodeCount];
  }

  #recordAt(leaf: Ref, slot: number): Ref {
    const { words, offsetBits, offsetMask } = this.#arenas;
    return words[leaf >>> offsetBits][(leaf & offsetMask) + leafRecords + slot];
  }

  #setRecordAt(leaf: Ref, slot: number, record: Ref): void {
    const { words, offsetBits, offsetMask } = this.#arenas;
    words[leaf >>> offsetBits][(leaf & offsetMask) + leafRecords + slot] = record;
  }
}
