import type { TableMeta } from '../base/table-meta.js';

/** What one compaction shall do: a decision of the picker, carried out by a job. */
export interface CompactionPlan {
  readonly keyspaceId: number;
  /** Why it was picked, for events and stats. */
  readonly reason: string;
  /** Level of `inputs`, the upper one of the two. */
  readonly level: number;
  readonly outputLevel: number;
  /** Tables of `level`; those of L0 newest first, others by key. */
  readonly inputs: readonly TableMeta[];
  /** Tables of `outputLevel` that overlap the inputs, by key. Empty when both levels are the same. */
  readonly overlapping: readonly TableMeta[];
  /** Tables of the level below `outputLevel` that overlap the whole range, by key: outputs are cut at their borders. */
  readonly grandparents: readonly TableMeta[];
  /** An output ends behind this key, the cursor of `outputLevel`; undefined when it is not within the range. */
  readonly cutAfter: Uint8Array | undefined;
  /** Tables not among the inputs that may hold older entries of these keys: L0 tables left out, and every level below `outputLevel`. */
  readonly olderOutside: readonly TableMeta[];
  /** The inputs change their level without being rewritten. */
  readonly isTrivialMove: boolean;
  /** Where the next compaction of `level` begins; undefined leaves the cursor as it is. */
  readonly nextCursor: Uint8Array | undefined;
}
