import { copyOf } from '../base/bytes.js';
import type { ArenaAllocator } from './arena-allocator.js';
import { noRef, type Arenas, type Ref } from './arenas.js';
import { childAt, childIndex, type KeyTree } from './key-tree.js';
import {
  headHighOf,
  headLowOf,
  initInner,
  initLeaf,
  innerBytes,
  innerCapacity,
  innerChildren,
  innerSeparators,
  insertSlot,
  leafBytes,
  leafCapacity,
  leafMoves,
  leafNext,
  leafPrevious,
  leafRecords,
  nodeCount,
  nodeHeads,
  nodePrefixLength,
  setPrefixLength,
} from './node.js';
import { searchNode } from './node-search.js';
import { keyLengthOf, keyStartOf, sharedKeyLength } from './record.js';

/** More than a tree of 2^32 words can have, as an inner node splits at 126 slots. */
const maxHeight = 16;

/**
 * A longer prefix is only taken when it wins this many bytes: taking it reads
 * the record of every slot, and 62 bits leave room for a few that are equal.
 */
const minPrefixGain = 3;

/** The writing side of a `KeyTree`. Keys are never removed, so separators stay right for good. */
export class TreeWriter {
  readonly #tree: KeyTree;
  readonly #arenas: Arenas;
  readonly #allocator: ArenaAllocator;
  /** The inner nodes above the leaf that splits, by level (1 is next to the leaves), and the child taken in each. */
  readonly #pathNodes = new Int32Array(maxHeight);
  readonly #pathChildren = new Int32Array(maxHeight);

  constructor(tree: KeyTree, allocator: ArenaAllocator) {
    this.#tree = tree;
    this.#arenas = tree.arenas;
    this.#allocator = allocator;
  }

  /** Makes the first leaf. */
  plant(): void {
    const tree = this.#tree;
    tree.root = tree.firstLeaf = tree.lastLeaf = this.#newLeaf(0);
  }

  /** Shortens the common prefix of the tree to what the key shares with it. */
  admit(key: Uint8Array, start: number, end: number): void {
    const tree = this.#tree;
    const { commonPrefix } = tree;
    let length = 0;
    while (start + length < end && key[start + length] === commonPrefix[length]) length++;
    tree.commonPrefix = commonPrefix.slice(0, length);
    // The common prefix stands in for the missing separator of the nodes at both
    // edges; no other node can have a prefix that is too long.
    this.#cutEdge(false);
    this.#cutEdge(true);
  }

  /**
   * Adds a key that is not in the tree: `record` holds it, `leaf` and `slot` are
   * where `find` wants it. The first key becomes the common prefix.
   */
  insert(leaf: Ref, slot: number, record: Ref): void {
    const words = this.#wordsOf(leaf);
    const base = this.#baseOf(leaf);
    if (words[base + nodeCount] === 0) {
      const bytes = this.#arenas.bytes[record >>> this.#arenas.offsetBits];
      const start = keyStartOf(this.#arenas, record);
      this.#tree.commonPrefix = copyOf(bytes, start, start + keyLengthOf(this.#arenas, record));
      words[base + nodePrefixLength] = this.#tree.commonPrefix.length;
    }
    if (words[base + nodeCount] < leafCapacity) this.#insertIntoLeaf(leaf, slot, record);
    else this.#splitLeaf(leaf, slot, record);
  }

  #insertIntoLeaf(leaf: Ref, slot: number, record: Ref): void {
    const words = this.#wordsOf(leaf);
    const base = this.#baseOf(leaf);
    if (slot < words[base + nodeCount]) words[base + leafMoves]++;
    insertSlot(this.#arenas, words, base, leafCapacity, slot, record);
  }

  #splitLeaf(leaf: Ref, slot: number, record: Ref): void {
    this.#trace(record);
    // All memory first: a failure must not leave half a split.
    this.#allocator.reserve(this.#splitBytes());
    const words = this.#wordsOf(leaf);
    const base = this.#baseOf(leaf);
    const right = this.#newLeaf(words[base + nodePrefixLength]);
    const rightWords = this.#wordsOf(right);
    const rightBase = this.#baseOf(right);
    // Ascending keys leave full leaves behind, descending ones too; others halves.
    const at = slot === leafCapacity ? leafCapacity : slot === 0 ? 0 : leafCapacity >>> 1;
    const separator = at < leafCapacity ? words[base + leafRecords + at] : record;
    if (at < leafCapacity) words[base + leafMoves]++;
    moveSlots(words, base, at, rightWords, rightBase, leafCapacity, 3);
    this.#link(leaf, right);
    this.#lengthenPrefix(words, base, leafCapacity, this.#lowFence(1), separator);
    this.#lengthenPrefix(rightWords, rightBase, leafCapacity, separator, this.#highFence(1));
    if (slot < at || (slot === at && at < leafCapacity)) this.#insertIntoLeaf(leaf, slot, record);
    else this.#insertIntoLeaf(right, slot - at, record);
    this.#addChild(1, separator, right);
  }

  /** The memory for the split of a leaf and of the full nodes above it. */
  #splitBytes(): number {
    let byteCount = leafBytes;
    for (let level = 1; level <= this.#tree.height; level++) {
      const node = this.#pathNodes[level];
      if (this.#wordsOf(node)[this.#baseOf(node) + nodeCount] < innerCapacity) return byteCount;
      byteCount += innerBytes;
    }
    return byteCount + innerBytes;
  }

  #link(left: Ref, right: Ref): void {
    const leftWords = this.#wordsOf(left);
    const leftBase = this.#baseOf(left);
    const next = leftWords[leftBase + leafNext];
    const rightWords = this.#wordsOf(right);
    const rightBase = this.#baseOf(right);
    rightWords[rightBase + leafPrevious] = left;
    rightWords[rightBase + leafNext] = next;
    leftWords[leftBase + leafNext] = right;
    if (next === noRef) this.#tree.lastLeaf = right;
    else this.#wordsOf(next)[this.#baseOf(next) + leafPrevious] = right;
  }

  /** Adds `child`, the new right neighbour of the child taken at `level`, above `separator`. */
  #addChild(level: number, separator: Ref, child: Ref): void {
    const tree = this.#tree;
    if (level > tree.height) {
      const root = this.#newInner(tree.commonPrefix.length, tree.root);
      this.#insertChild(root, 0, separator, child);
      tree.root = root;
      tree.height++;
      return;
    }
    const node = this.#pathNodes[level];
    const slot = this.#pathChildren[level];
    const words = this.#wordsOf(node);
    const base = this.#baseOf(node);
    if (words[base + nodeCount] < innerCapacity) {
      this.#insertChild(node, slot, separator, child);
      return;
    }
    // The separator in the middle moves up, or the new one when keys ascend.
    const prefixLength = words[base + nodePrefixLength];
    const ascending = slot === innerCapacity;
    const at = ascending ? innerCapacity : innerCapacity >>> 1;
    const risen = ascending ? separator : words[base + innerSeparators + at];
    const firstChild = ascending ? child : words[base + innerChildren + at];
    const right = this.#newInner(prefixLength, firstChild);
    const rightWords = this.#wordsOf(right);
    const rightBase = this.#baseOf(right);
    if (!ascending) {
      moveSlots(words, base, at + 1, rightWords, rightBase, innerCapacity, 4);
      words[base + nodeCount] = at;
    }
    this.#lengthenPrefix(words, base, innerCapacity, this.#lowFence(level + 1), risen);
    this.#lengthenPrefix(rightWords, rightBase, innerCapacity, risen, this.#highFence(level + 1));
    if (!ascending) {
      if (slot <= at) this.#insertChild(node, slot, separator, child);
      else this.#insertChild(right, slot - at - 1, separator, child);
    }
    this.#addChild(level + 1, risen, right);
  }

  #insertChild(node: Ref, slot: number, separator: Ref, child: Ref): void {
    const words = this.#wordsOf(node);
    const base = this.#baseOf(node);
    const children = base + innerChildren;
    for (let i = words[base + nodeCount]; i > slot; i--) {
      words[children + i] = words[children + i - 1];
    }
    words[children + slot] = child;
    insertSlot(this.#arenas, words, base, innerCapacity, slot, separator);
  }

  /** Takes the longer prefix that a node's new separators allow, if it is worth it. */
  #lengthenPrefix(words: Int32Array, base: number, capacity: number, low: Ref, high: Ref): void {
    if (low === noRef || high === noRef) return;
    const length = sharedKeyLength(this.#arenas, low, high);
    if (length - words[base + nodePrefixLength] < minPrefixGain) return;
    setPrefixLength(this.#arenas, words, base, capacity, length);
  }

  /** The separator below the child taken at `level`, or `noRef` at the edge of the tree. */
  #lowFence(level: number): Ref {
    for (; level <= this.#tree.height; level++) {
      const child = this.#pathChildren[level];
      const node = this.#pathNodes[level];
      if (child > 0) return this.#separatorAt(node, child - 1);
    }
    return noRef;
  }

  /** The separator above the child taken at `level`, or `noRef` at the edge of the tree. */
  #highFence(level: number): Ref {
    for (; level <= this.#tree.height; level++) {
      const child = this.#pathChildren[level];
      const node = this.#pathNodes[level];
      if (child < this.#wordsOf(node)[this.#baseOf(node) + nodeCount]) {
        return this.#separatorAt(node, child);
      }
    }
    return noRef;
  }

  #separatorAt(node: Ref, slot: number): Ref {
    return this.#wordsOf(node)[this.#baseOf(node) + innerSeparators + slot];
  }

  /** Notes the way from the root to the leaf where the record's key belongs. */
  #trace(record: Ref): void {
    const arenas = this.#arenas;
    const key = arenas.bytes[record >>> arenas.offsetBits];
    const start = keyStartOf(arenas, record);
    const end = start + keyLengthOf(arenas, record);
    let node = this.#tree.root;
    for (let level = this.#tree.height; level > 0; level--) {
      const words = this.#wordsOf(node);
      const base = this.#baseOf(node);
      const skip = words[base + nodePrefixLength];
      const at = start + skip;
      const high = headHighOf(key, at, end);
      const low = headLowOf(key, at, end);
      const index = childIndex(
        searchNode(arenas, words, base, innerCapacity, skip, high, low, key, at, end),
      );
      this.#pathNodes[level] = node;
      this.#pathChildren[level] = index;
      node = childAt(words, base, index);
    }
  }

  #cutEdge(isRight: boolean): void {
    const length = this.#tree.commonPrefix.length;
    let node = this.#tree.root;
    for (let level = this.#tree.height; level > 0; level--) {
      const words = this.#wordsOf(node);
      const base = this.#baseOf(node);
      setPrefixLength(this.#arenas, words, base, innerCapacity, length);
      node = childAt(words, base, isRight ? words[base + nodeCount] : 0);
    }
    setPrefixLength(this.#arenas, this.#wordsOf(node), this.#baseOf(node), leafCapacity, length);
  }

  #newLeaf(prefixLength: number): Ref {
    const leaf = this.#allocator.allocateNode(leafBytes);
    initLeaf(this.#wordsOf(leaf), this.#baseOf(leaf), prefixLength);
    return leaf;
  }

  #newInner(prefixLength: number, firstChild: Ref): Ref {
    const node = this.#allocator.allocateNode(innerBytes);
    initInner(this.#wordsOf(node), this.#baseOf(node), prefixLength, firstChild);
    return node;
  }

  #wordsOf(node: Ref): Int32Array {
    return this.#arenas.words[node >>> this.#arenas.offsetBits];
  }

  #baseOf(node: Ref): number {
    return node & this.#arenas.offsetMask;
  }
}

/** Moves the slots from `at` on to the begin of an empty node; `columns` is 3 for a leaf, 4 for an inner node. */
function moveSlots(
  from: Int32Array,
  fromBase: number,
  at: number,
  to: Int32Array,
  toBase: number,
  capacity: number,
  columns: number,
): void {
  const moved = from[fromBase + nodeCount] - at;
  for (let column = 0; column < columns; column++) {
    const source = fromBase + nodeHeads + column * capacity + at;
    const target = toBase + nodeHeads + column * capacity;
    for (let i = 0; i < moved; i++) to[target + i] = from[source + i];
  }
  from[fromBase + nodeCount] = at;
  to[toBase + nodeCount] = moved;
}
