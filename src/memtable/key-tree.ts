import { emptyBytes } from '../base/bytes.js';
import { noRef, type Arenas, type Ref } from './arenas.js';
import {
  headHighOf,
  headLowOf,
  innerCapacity,
  innerChildren,
  innerFirstChild,
  leafCapacity,
  nodeCount,
  nodePrefixLength,
  touchLeaf,
} from './node.js';
import { searchNode } from './node-search.js';

/** What finds the tree in its arenas; with the buffers, all that another thread needs. */
export interface TreeRoots {
  /** The topmost node; `noRef` before the first entry. */
  readonly root: Ref;
  /** Levels of inner nodes above the leaves. */
  readonly height: number;
  readonly firstLeaf: Ref;
  readonly lastLeaf: Ref;
  /** What all keys begin with; a copy. */
  readonly commonPrefix: Uint8Array;
}

export const emptyRoots: TreeRoots = {
  root: noRef,
  height: 0,
  firstLeaf: noRef,
  lastLeaf: noRef,
  commonPrefix: emptyBytes,
};

/**
 * The reading side of the B+-tree: one slot per key, all keys in the leaves
 * (layout in node.ts). Only a `TreeWriter` changes it.
 */
export class KeyTree implements TreeRoots {
  readonly arenas: Arenas;
  root: Ref;
  height: number;
  firstLeaf: Ref;
  lastLeaf: Ref;
  commonPrefix: Uint8Array;
  /** The leaf that `find` came to. */
  foundLeaf: Ref = noRef;
  /** Never used; it keeps the compiler from dropping the loads of `touchLeaf`. */
  touched = 0;

  constructor(arenas: Arenas, roots: TreeRoots) {
    this.arenas = arenas;
    this.root = roots.root;
    this.height = roots.height;
    this.firstLeaf = roots.firstLeaf;
    this.lastLeaf = roots.lastLeaf;
    this.commonPrefix = roots.commonPrefix;
  }

  roots(): TreeRoots {
    const { root, height, firstLeaf, lastLeaf, commonPrefix } = this;
    return { root, height, firstLeaf, lastLeaf, commonPrefix };
  }

  /**
   * Finds a key: its slot in `foundLeaf`, or `~slot` where it would go, which
   * may be behind the last slot of that leaf. The tree has a root.
   */
  find(key: Uint8Array, start: number, end: number): number {
    const order = this.compareWithCommon(key, start, end);
    return order === 0 ? this.descend(key, start, end) : this.#findOutside(order);
  }

  /** As `find`, for a key that begins with the common prefix. */
  descend(key: Uint8Array, start: number, end: number): number {
    const arenas = this.arenas;
    const offsetBits = arenas.offsetBits;
    const offsetMask = arenas.offsetMask;
    let node = this.root;
    let skip = -1;
    let high = 0;
    let low = 0;
    for (let level = this.height; ; level--) {
      const words = arenas.words[node >>> offsetBits];
      const base = node & offsetMask;
      if (skip !== words[base + nodePrefixLength]) {
        skip = words[base + nodePrefixLength];
        high = headHighOf(key, start + skip, end);
        low = headLowOf(key, start + skip, end);
      }
      if (level === 0) this.touched = touchLeaf(words, base);
      const capacity = level === 0 ? leafCapacity : innerCapacity;
      const at = start + skip;
      const found = searchNode(arenas, words, base, capacity, skip, high, low, key, at, end);
      if (level === 0) {
        this.foundLeaf = node;
        return found;
      }
      node = childAt(words, base, childIndex(found));
    }
  }

  /** Negative when the key lies before all that begin with the common prefix, positive behind them, 0 when it begins with it. */
  compareWithCommon(key: Uint8Array, start: number, end: number): number {
    const common = this.commonPrefix;
    const length = end - start;
    const shared = length < common.length ? length : common.length;
    for (let i = 0; i < shared; i++) {
      const difference = key[start + i] - common[i];
      if (difference !== 0) return difference;
    }
    return length < common.length ? -1 : 0;
  }

  #findOutside(order: number): number {
    if (order < 0) {
      this.foundLeaf = this.firstLeaf;
      return ~0;
    }
    this.foundLeaf = this.lastLeaf;
    const { words, offsetBits, offsetMask } = this.arenas;
    return ~words[this.lastLeaf >>> offsetBits][(this.lastLeaf & offsetMask) + nodeCount];
  }
}

/** Which child holds a key, told from what `searchNode` found in an inner node; 0 is the first child. */
export function childIndex(found: number): number {
  return found >= 0 ? found + 1 : ~found;
}

export function childAt(words: Int32Array, base: number, index: number): Ref {
  return words[base + (index === 0 ? innerFirstChild : innerChildren + index - 1)];
}
