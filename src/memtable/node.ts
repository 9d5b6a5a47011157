import { noRef, type Arenas, type Ref } from './arenas.js';
import { keyLengthOf, keyStartOf } from './record.js';

/*
 * The nodes of the B+-tree, in words of an arena, at the begin of a cache line:
 *
 *   leaf   = count prefixLength moves previous next
 *            headHigh[capacity] headLow[capacity] record[capacity]
 *   inner  = count prefixLength 0 firstChild 0
 *            headHigh[capacity] headLow[capacity] separator[capacity] child[capacity]
 *
 * A slot of a leaf is one key: `record` is its newest version. A slot of an inner
 * node is a separator: a record whose key is the lowest that belongs to `child`;
 * all that is lower belongs to the child before it.
 *
 * All keys that can ever be routed to a node lie between the separators around
 * it, so they share what these two share: nobody needs to look at those bytes
 * again. `prefixLength` is at most that. The head of a key is the 62 bits that
 * follow it, as two numbers below 2^31 (zeros where the key ends), so that a
 * difference never overflows and its sign is the order. Equal heads say nothing.
 *
 * `moves` counts how often slots of the leaf got another place, for the cursors
 * standing on one.
 */

export const nodeCount = 0;
export const nodePrefixLength = 1;
export const leafMoves = 2;
export const leafPrevious = 3;
export const leafNext = 4;
export const innerFirstChild = 3;
export const nodeHeads = 5;

/** Slots of a leaf, and of an inner node; 30 to 62 and 94 to 190 measure the same within 10 %. */
export const leafCapacity = 41;
export const innerCapacity = 126;

/** Word offsets of the arrays behind the heads. */
export const leafRecords: number = nodeHeads + 2 * leafCapacity;
export const innerSeparators: number = nodeHeads + 2 * innerCapacity;
export const innerChildren: number = nodeHeads + 3 * innerCapacity;

/** Whole cache lines: 512 and 2,048 bytes. */
export const leafBytes: number = (4 * (nodeHeads + 3 * leafCapacity) + 63) & ~63;
export const innerBytes: number = (4 * (nodeHeads + 4 * innerCapacity) + 63) & ~63;

/** Four bytes of `key[at..)` as a number that sorts like them; zeros from `end` on. */
function wordAt(key: Uint8Array, at: number, end: number): number {
  if (at + 4 <= end) {
    return (key[at] << 24) | (key[at + 1] << 16) | (key[at + 2] << 8) | key[at + 3];
  }
  let word = 0;
  if (at < end) word = key[at] << 24;
  if (at + 1 < end) word |= key[at + 1] << 16;
  if (at + 2 < end) word |= key[at + 2] << 8;
  return word;
}

/** The first 31 bits of `key[at..end)`. */
export function headHighOf(key: Uint8Array, at: number, end: number): number {
  return wordAt(key, at, end) >>> 1;
}

/** The 31 bits after those of `headHighOf`. */
export function headLowOf(key: Uint8Array, at: number, end: number): number {
  const lastOfHigh = at + 3 < end ? key[at + 3] & 1 : 0;
  return (lastOfHigh << 30) | (wordAt(key, at + 4, end) >>> 2);
}

/** Writes the head of a record's key into a slot. */
export function setHead(
  arenas: Arenas,
  words: Int32Array,
  base: number,
  capacity: number,
  slot: number,
  record: Ref,
): void {
  const bytes = arenas.bytes[record >>> arenas.offsetBits];
  const start = keyStartOf(arenas, record);
  const end = start + keyLengthOf(arenas, record);
  const at = start + words[base + nodePrefixLength];
  words[base + nodeHeads + slot] = headHighOf(bytes, at, end);
  words[base + nodeHeads + capacity + slot] = headLowOf(bytes, at, end);
}

/** Makes room at `slot` and puts a record there. The node is not full. */
export function insertSlot(
  arenas: Arenas,
  words: Int32Array,
  base: number,
  capacity: number,
  slot: number,
  record: Ref,
): void {
  const count = words[base + nodeCount];
  const highs = base + nodeHeads;
  const lows = highs + capacity;
  const records = lows + capacity;
  for (let i = count; i > slot; i--) {
    words[highs + i] = words[highs + i - 1];
    words[lows + i] = words[lows + i - 1];
    words[records + i] = words[records + i - 1];
  }
  words[records + slot] = record;
  words[base + nodeCount] = count + 1;
  setHead(arenas, words, base, capacity, slot, record);
}

/** Cuts the first `length` bytes off the keys of a node, which they must share, and takes the heads anew. */
export function setPrefixLength(
  arenas: Arenas,
  words: Int32Array,
  base: number,
  capacity: number,
  length: number,
): void {
  words[base + nodePrefixLength] = length;
  const records = base + nodeHeads + 2 * capacity;
  const count = words[base + nodeCount];
  for (let slot = 0; slot < count; slot++) {
    setHead(arenas, words, base, capacity, slot, words[records + slot]);
  }
}

/**
 * Asks for all cache lines of a leaf at once. A search needs about four of them,
 * each told by the one before; overlapped they cost hardly more than one: a
 * tenth of a get among 250,000 keys.
 */
export function touchLeaf(words: Int32Array, base: number): number {
  return (
    words[base + 16] |
    words[base + 32] |
    words[base + 48] |
    words[base + 64] |
    words[base + 80] |
    words[base + 96] |
    words[base + 112]
  );
}

/** Prepares an empty leaf in memory that holds garbage. */
export function initLeaf(words: Int32Array, base: number, prefixLength: number): void {
  words[base + nodeCount] = 0;
  words[base + nodePrefixLength] = prefixLength;
  words[base + leafMoves] = 0;
  words[base + leafPrevious] = noRef;
  words[base + leafNext] = noRef;
}

/** Prepares an inner node with one child in memory that holds garbage. */
export function initInner(
  words: Int32Array,
  base: number,
  prefixLength: number,
  firstChild: Ref,
): void {
  words[base + nodeCount] = 0;
  words[base + nodePrefixLength] = prefixLength;
  words[base + innerFirstChild] = firstChild;
}
