import type { Cursor } from '../iterator/cursor.js';
import { Arenas } from './arenas.js';
import { KeyTree, type TreeRoots } from './key-tree.js';
import { MemtableCursor } from './memtable-cursor.js';

/** What a memtable holds, in numbers. */
export interface MemtableCounts {
  /** Versions of keys, tombstones included. */
  readonly entries: number;
  readonly tombstones: number;
  /** Bytes of all keys and values. */
  readonly rawBytes: number;
  /** Bytes of memory taken, which is what a memtable's limit is compared with. */
  readonly usedBytes: number;
  /** Both 0 while there are no entries. */
  readonly smallestSeq: number;
  readonly largestSeq: number;
}

/**
 * A memtable that does not change any more, as plain data: `postMessage` hands
 * it to a worker without copying an entry. It lives as long as the memtable it
 * came from is not released.
 */
export interface FrozenMemtable extends MemtableCounts {
  readonly buffers: readonly SharedArrayBuffer[];
  readonly offsetBits: number;
  readonly roots: TreeRoots;
}

/** Reads a frozen memtable, in any thread. */
export class FrozenMemtableReader {
  readonly counts: MemtableCounts;
  readonly #tree: KeyTree;

  constructor(frozen: FrozenMemtable) {
    const arenas = new Arenas(frozen.offsetBits);
    for (const buffer of frozen.buffers) arenas.add(buffer);
    this.#tree = new KeyTree(arenas, frozen.roots);
    const { entries, tombstones, rawBytes, usedBytes, smallestSeq, largestSeq } = frozen;
    this.counts = { entries, tombstones, rawBytes, usedBytes, smallestSeq, largestSeq };
  }

  get entries(): number {
    return this.counts.entries;
  }

  cursor(): Cursor {
    return new MemtableCursor(this.#tree);
  }
}
