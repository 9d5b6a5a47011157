import type { Arenas } from './arenas.js';
import { nodeCount, nodeHeads } from './node.js';
import { compareRecordKey } from './record.js';

/**
 * Finds a key in a node: its slot, or `~slot` of the first key above it.
 * `key[at..end)` is what follows the node's prefix, `high` and `low` its head.
 */
export function searchNode(
  arenas: Arenas,
  words: Int32Array,
  base: number,
  capacity: number,
  skip: number,
  high: number,
  low: number,
  key: Uint8Array,
  at: number,
  end: number,
): number {
  const count = words[base + nodeCount];
  if (count === 0) return ~0;
  const highs = base + nodeHeads;
  // The first slot with a head of at least `high`. No branch depends on the data:
  // with branches a get takes 760 ns instead of 620 (250,000 keys), 190 instead of 160 (2,500).
  let first = highs;
  let length = count;
  while (length > 1) {
    const half = length >>> 1;
    first += half & ((words[first + half - 1] - high) >> 31);
    length -= half;
  }
  first += (words[first] - high) >>> 31;
  let slot = first - highs;

  // Most often it is the only one with this head. If not: by the other half of
  // the head, then by the whole key.
  let above = slot;
  while (above < count && words[highs + above] === high) {
    if (above - slot === 4) {
      above = count;
      break;
    }
    above++;
  }
  const lows = highs + capacity;
  const records = lows + capacity;
  while (slot < above) {
    const middle = (slot + above) >>> 1;
    let order = words[highs + middle] - high;
    if (order === 0) order = words[lows + middle] - low;
    if (order === 0) order = compareRecordKey(arenas, words[records + middle], skip, key, at, end);
    if (order === 0) return middle;
    if (order < 0) slot = middle + 1;
    else above = middle;
  }
  return ~slot;
}
