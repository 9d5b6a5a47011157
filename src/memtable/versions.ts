import { noRef, type Arenas, type Ref } from './arenas.js';
import { depthOf, jumpOf, olderOf, seqOf } from './record.js';

/*
 * The versions of one key are chained, newest first; the newest stands in a leaf.
 * A counter that is overwritten 100,000 times makes a chain of that length, so
 * each version also knows one much older: the one at depth d jumps to depth
 * d & (d - 1), its lowest bit cleared. Any version is then found in O(log² d),
 * also when walking backwards, and the records stay immutable.
 */

/** Where a version that supersedes `newest` jumps to. */
export function jumpOverNewest(arenas: Arenas, newest: Ref): Ref {
  const depth = depthOf(arenas, newest) + 1;
  const target = depth & (depth - 1);
  // One hop on average, as half of all depths are odd and jump to their neighbour.
  let jump = newest;
  while (depthOf(arenas, jump) > target) jump = jumpOf(arenas, jump);
  return jump;
}

/** The oldest version with a sequence number above `seq`, or `noRef` when `newest` is not above it. */
export function oldestVersionAbove(arenas: Arenas, newest: Ref, seq: number): Ref {
  if (seqOf(arenas, newest) <= seq) return noRef;
  let version = newest;
  for (;;) {
    const older = olderOf(arenas, version);
    if (older === noRef) return version;
    const jump = jumpOf(arenas, version);
    if (seqOf(arenas, jump) > seq) version = jump;
    else if (seqOf(arenas, older) > seq) version = older;
    else return version;
  }
}

/** The newest version with a sequence number of at most `seq`, or `noRef`. */
export function newestVersionAt(arenas: Arenas, newest: Ref, seq: number): Ref {
  const above = oldestVersionAbove(arenas, newest, seq);
  return above === noRef ? newest : olderOf(arenas, above);
}

export function oldestVersion(arenas: Arenas, newest: Ref): Ref {
  return oldestVersionAbove(arenas, newest, -1);
}
