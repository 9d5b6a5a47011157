import { emptyBytes } from '../base/bytes.js';
import { kindPut, type EntryKind } from '../base/internal-key.js';
import type { Waitable } from '../base/task.js';

/**
 * Where a cursor or a lookup puts the entry it found: views, no copies. All
 * cursors use this one class, so that property access stays monomorphic, and a
 * wrapping cursor hands on its child's entry instead of copying the fields.
 */
export class CursorEntry {
  /** The user key is `keyBytes[keyStart..keyEnd)`. */
  keyBytes: Uint8Array = emptyBytes;
  keyStart = 0;
  keyEnd = 0;
  seq = 0;
  kind: EntryKind = kindPut;
  /** The value is `valueBytes[valueStart..valueEnd)`; empty for a tombstone. */
  valueBytes: Uint8Array = emptyBytes;
  valueStart = 0;
  valueEnd = 0;
}

/**
 * A position in a sorted sequence of entries (key ascending, then seq
 * descending), over a memtable, a table, a level or a merge of them.
 *
 * Every positioning call returns true when it is complete, and false when a
 * block must come from disk first: then call `wait()` or `waitSync()` and repeat
 * the very same call. Until it has returned true, neither `valid` nor `entry`
 * may be read, nor another positioning call be made — except a new `first`,
 * `last`, `seek` or `seekBefore`, which abandon it.
 *
 * `next` and `prev` need a valid position and may be mixed. After walking off
 * either end the cursor is invalid until it is positioned again by `first`,
 * `last`, `seek` or `seekBefore`.
 *
 * `entry` is meaningful while `valid`, and only until the next call.
 */
export interface Cursor extends Waitable {
  readonly valid: boolean;
  readonly entry: CursorEntry;
  /**
   * After a `next` that followed another forward step: whether the entry has the
   * user key of the one before. Undefined where the cursor does not know.
   */
  readonly repeatsKey?: boolean | undefined;
  first(): boolean;
  last(): boolean;
  /** To the first entry at or after (key, seq): the newest version of `key` that a reader at `seq` sees, or what follows. */
  seek(key: Uint8Array, seq: number): boolean;
  /** To the last entry before (key, seq). With `maxSeq`: before every version of `key`. */
  seekBefore(key: Uint8Array, seq: number): boolean;
  next(): boolean;
  prev(): boolean;
  /** Lets go of blocks and tables. The cursor is not used afterwards. */
  close(): void;
}
