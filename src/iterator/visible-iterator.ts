import {
  compareBytes,
  compareRanges,
  copyOf,
  copyRange,
  emptyBytes,
  keySuccessor,
} from '../base/bytes.js';
import { kindPut, maxSeq } from '../base/internal-key.js';
import type { Waitable } from '../base/task.js';
import { CursorEntry, type Cursor } from './cursor.js';
import { DeletedRun } from './deleted-run.js';
import type { EmptyRange, EmptyRanges } from './empty-ranges.js';
import { KeyBuffer } from './key-buffer.js';
import {
  callFirst,
  callLast,
  callNext,
  callNone,
  callPrev,
  callSeek,
  callSeekBefore,
  PendingCall,
  type Call,
} from './pending-call.js';

/** A longer value gets a buffer of its own, so that one large value does not stay in memory until the end. */
const maxReusedBytes = 65_536;

/**
 * After so many versions of one key that are of no use, walking forward, it is sought
 * past: a key written again and again has as many in a memtable. With some of 20,000
 * versions, short scans over them go from 3 k/s to 50 k/s. The idea is RocksDB's
 * (`max_sequential_skip_in_iterations`).
 */
const mostVersionsStepped = 12;

/** What the scans of a keyspace did, added up as each is closed. */
export interface ScanCounters {
  scans: number;
  /** As `VisibleIterator.steppedOver`. */
  steppedOver: number;
  /** As `VisibleIterator.jumps`. */
  jumps: number;
}

/** Who looks, and where. */
export interface VisibleScope {
  /** Newest sequence number that may be seen. */
  readonly seq: number;
  /** First key that may be seen, inclusive. */
  readonly lower?: Uint8Array;
  /** First key that may no longer be seen. */
  readonly upper?: Uint8Array;
  /** Nobody asks for values: walking back copies none. */
  readonly keysOnly?: boolean;
  /** Known ranges of the keyspace, used and added to; then `seq` must not be newer than the newest number given out. */
  readonly emptyRanges?: EmptyRanges;
  readonly counters?: ScanCounters;
}

/**
 * What a reader at `seq` sees of a cursor: of each user key within the bounds
 * the newest version at or before `seq`, unless that is a tombstone.
 *
 * Calls are restartable as those of a `Cursor`: false means wait and repeat.
 * `entry` is valid until the next call.
 *
 * Walking forward, the child stands on the current entry, which is handed on as
 * it is. Walking back, the versions of a key come oldest first, so which one is
 * the newest is known only when the child has left the key: the entry is then a
 * copy of ours, and the child already stands on the key before.
 */
export class VisibleIterator implements Waitable {
  /** Entries passed over since creation because they were hidden, deleted or too new. */
  steppedOver = 0;
  /** How often it sought past a range known to be empty. */
  jumps = 0;

  readonly #cursor: Cursor;
  readonly #seq: number;
  readonly #lower: Uint8Array | undefined;
  readonly #upper: Uint8Array | undefined;
  readonly #keysOnly: boolean;
  readonly #counters: ScanCounters | undefined;
  readonly #run: DeletedRun | undefined;
  readonly #pending = new PendingCall();
  /** The key whose further versions are hidden (forward), or are being gathered (back). */
  readonly #key = new KeyBuffer();
  readonly #copy = new CursorEntry();
  #copyBuffer: Uint8Array = emptyBytes;
  /** Walking back: `#copy` holds the newest visible version so far of `#key`. */
  #hasCopy = false;
  /** Walking back: the newest visible version so far of `#key` is a tombstone. */
  #isDeleted = false;
  #isForward = true;
  /** Walking forward: the child's last step was `next`, from an entry that was looked at. */
  #isSteady = false;
  /** Walking forward: a version of the key stood on was shown or hides the others. */
  #isDecided = false;
  /**
   * Walking forward, since a turn: what the child shows before the key stood on are only
   * entries put since then, each too new, and a seek would bring others back.
   */
  #isTurning = false;
  #valid = false;
  /** The child's call that must complete before anything else; `callNone` when it stands still. */
  #due: Call = callNone;
  /** Where `#due` seeks to, when that is not the target of the caller's call. */
  #jumpTarget: Uint8Array | undefined;
  #isClosed = false;

  /** Takes over `cursor`: closing this closes it. */
  constructor(cursor: Cursor, scope: VisibleScope) {
    this.#cursor = cursor;
    this.#seq = scope.seq;
    this.#lower = scope.lower;
    this.#upper = scope.upper;
    this.#keysOnly = scope.keysOnly ?? false;
    this.#counters = scope.counters;
    const { emptyRanges } = scope;
    this.#run = emptyRanges === undefined ? undefined : new DeletedRun(emptyRanges, scope.seq);
  }

  get valid(): boolean {
    return this.#valid;
  }

  get entry(): CursorEntry {
    return this.#isForward ? this.#cursor.entry : this.#copy;
  }

  next(): boolean {
    if (this.#due === callNone) {
      if (!this.#isForward) {
        // Back over the current key, whose versions `#key` then hides.
        this.#due = this.#cursor.valid ? callNext : callFirst;
        this.#isForward = true;
        this.#isSteady = false;
        this.#isTurning = true;
      } else if (!this.#cursor.next()) {
        this.#due = callNext;
        this.#run?.pause();
        return false;
      }
    }
    return this.#resume(emptyBytes);
  }

  prev(): boolean {
    if (this.#due === callNone) {
      this.#hasCopy = false;
      if (this.#isForward) {
        // Newer versions of the current key may lie before it: all too new to be seen.
        this.#due = callPrev;
        this.#isForward = false;
      } else this.#key.letGo();
    }
    return this.#resume(emptyBytes);
  }

  /** To the first visible key. */
  first(): boolean {
    const lower = this.#lower;
    return lower === undefined
      ? this.#position(callFirst, emptyBytes)
      : this.#position(callSeek, lower);
  }

  /** To the last visible key. */
  last(): boolean {
    const upper = this.#upper;
    return upper === undefined
      ? this.#position(callLast, emptyBytes)
      : this.#position(callSeekBefore, upper);
  }

  /** To the first visible key at or after `key`. */
  seek(key: Uint8Array): boolean {
    const lower = this.#lower;
    return this.#position(
      callSeek,
      lower !== undefined && compareBytes(key, lower) < 0 ? lower : key,
    );
  }

  /** To the last visible key before `key`. */
  seekBefore(key: Uint8Array): boolean {
    const upper = this.#upper;
    return this.#position(
      callSeekBefore,
      upper !== undefined && compareBytes(upper, key) < 0 ? upper : key,
    );
  }

  wait(): Promise<void> {
    return this.#cursor.wait();
  }

  waitSync(): void {
    this.#cursor.waitSync();
  }

  close(): void {
    this.#cursor.close();
    this.#run?.drop();
    const counters = this.#counters;
    if (counters === undefined || this.#isClosed) return;
    this.#isClosed = true;
    counters.scans++;
    counters.steppedOver += this.steppedOver;
    counters.jumps += this.jumps;
  }

  #position(call: Call, key: Uint8Array): boolean {
    if (!this.#pending.isRepeatedBy(call, key, 0) && this.#begin(call, key)) return true;
    if (this.#resume(key)) {
      this.#pending.clear();
      return true;
    }
    this.#pending.suspend(call, key, 0);
    return false;
  }

  /** True when it is known without a look at the cursor that nothing is there. */
  #begin(call: Call, key: Uint8Array): boolean {
    this.#pending.clear();
    this.#due = call;
    this.#jumpTarget = undefined;
    this.#isForward = call === callFirst || call === callSeek;
    this.#isSteady = false;
    this.#isTurning = false;
    this.#key.letGo();
    this.#hasCopy = false;
    this.#isDeleted = false;
    const range = this.#run?.begin(call === callLast ? undefined : key, this.#isForward);
    if (range !== undefined) this.#jump(range);
    return this.#due === callNone;
  }

  #resume(key: Uint8Array): boolean {
    for (;;) {
      if (this.#due !== callNone) {
        if (!this.#perform(this.#due, key)) break;
        this.#due = callNone;
      }
      if (!(this.#isForward ? this.#findForward() : this.#findBack())) break;
      // Else there was a range to jump over.
      if (this.#due === callNone) return true;
    }
    this.#run?.pause();
    return false;
  }

  #perform(call: Call, target: Uint8Array): boolean {
    const cursor = this.#cursor;
    const key = this.#jumpTarget ?? target;
    if (call === callNext) return cursor.next();
    if (call === callPrev) return cursor.prev();
    if (call === callFirst) return cursor.first();
    if (call === callLast) return cursor.last();
    if (call === callSeek) return cursor.seek(key, this.#seq);
    return cursor.seekBefore(key, maxSeq);
  }

  /** False when it must wait. Complete, or with a seek due: true. */
  #findForward(): boolean {
    const cursor = this.#cursor;
    const upper = this.#upper;
    const run = this.#run;
    let isFound = false;
    let versions = 0;
    while (cursor.valid) {
      const entry = cursor.entry;
      if (upper !== undefined && compareKey(entry, upper) >= 0) break;
      if (this.#isNewestVisible(entry)) {
        versions = 0;
        this.#isTurning = false;
        isFound = entry.kind === kindPut;
        if (isFound) break;
        const range = run?.meet(entry.keyBytes, entry.keyStart, entry.keyEnd, true);
        if (range !== undefined) {
          this.steppedOver++;
          this.#jump(range);
          return true;
        }
      } else if (!this.#isTurning && ++versions > mostVersionsStepped) {
        this.#skipVersions(entry);
        return true;
      }
      this.steppedOver++;
      if (!cursor.next()) {
        this.#due = callNext;
        return false;
      }
    }
    if (run?.isBegun === true) run.end();
    this.#valid = isFound;
    return true;
  }

  /** Makes a seek due: past the entry's key, or, where its versions so far are too new, to the first that is not. */
  #skipVersions(entry: CursorEntry): void {
    const key = copyOf(entry.keyBytes, entry.keyStart, entry.keyEnd);
    this.#jumpTarget = this.#isDecided ? keySuccessor(key) : key;
    this.#due = callSeek;
    this.#isSteady = false;
    this.steppedOver++;
  }

  /**
   * Walking forward: whether no newer version of the entry's key was visible.
   * A cursor that knows when a key repeats spares the comparison and the copy of
   * each key: a fifth of the time of a scan over five tables.
   */
  #isNewestVisible(entry: CursorEntry): boolean {
    const repeats = this.#isSteady ? this.#cursor.repeatsKey : undefined;
    const mayBeSeen = entry.seq <= this.#seq;
    if (repeats === undefined) {
      const isNew = mayBeSeen ? this.#key.hold(entry) : !this.#key.equals(entry);
      this.#isDecided = mayBeSeen || !isNew;
      // After a turn the key that `#key` hides may be yet to come, behind one put since then.
      this.#isSteady = this.#isDecided;
      return mayBeSeen && isNew;
    }
    if (!repeats) this.#isDecided = false;
    if (!mayBeSeen || this.#isDecided) return false;
    this.#isDecided = true;
    return true;
  }

  /** As `#findForward`. */
  #findBack(): boolean {
    const cursor = this.#cursor;
    const lower = this.#lower;
    while (cursor.valid) {
      const entry = cursor.entry;
      if (!this.#key.equals(entry)) {
        if (this.#hasCopy) break;
        if (lower !== undefined && compareKey(entry, lower) < 0) break;
        if (this.#isDeleted) {
          const range = this.#leaveDeleted();
          if (range !== undefined) {
            this.#jump(range);
            return true;
          }
        }
        this.#key.hold(entry);
      }
      if (entry.seq <= this.#seq) {
        if (this.#hasCopy) this.steppedOver++;
        this.#hasCopy = entry.kind === kindPut;
        this.#isDeleted = !this.#hasCopy;
        if (this.#hasCopy) this.#keep(entry);
        else this.steppedOver++;
      } else this.steppedOver++;
      if (!cursor.prev()) {
        this.#due = callPrev;
        return false;
      }
    }
    if (this.#isDeleted) this.#leaveDeleted();
    const run = this.#run;
    if (run?.isBegun === true) run.end();
    this.#valid = this.#hasCopy;
    return true;
  }

  /** Walking back: `#key` turned out to be deleted. Returns a range to jump over, if there is one. */
  #leaveDeleted(): EmptyRange | undefined {
    this.#isDeleted = false;
    return this.#run?.meet(this.#key.bytes, 0, this.#key.length, false);
  }

  /** Makes a seek to the other end of the range due, or ends the walk when that is out of bounds. */
  #jump(range: EmptyRange): void {
    const { from, to } = range;
    this.jumps++;
    this.#isSteady = false;
    if (this.#isForward) {
      this.#due = callSeek;
      this.#jumpTarget = to;
      if (this.#upper === undefined || compareBytes(to, this.#upper) < 0) return;
    } else {
      this.#due = callSeekBefore;
      this.#jumpTarget = from;
      if (this.#lower === undefined || compareBytes(from, this.#lower) > 0) return;
    }
    this.#due = callNone;
    this.#valid = false;
    this.#run?.end();
  }

  #keep(entry: CursorEntry): void {
    const copy = this.#copy;
    const length = this.#keysOnly ? 0 : entry.valueEnd - entry.valueStart;
    if (length > maxReusedBytes) {
      copy.valueBytes = copyOf(entry.valueBytes, entry.valueStart, entry.valueEnd);
    } else {
      if (length > this.#copyBuffer.length) this.#copyBuffer = new Uint8Array(length * 2);
      copyRange(entry.valueBytes, entry.valueStart, entry.valueStart + length, this.#copyBuffer, 0);
      copy.valueBytes = this.#copyBuffer;
    }
    copy.valueEnd = length;
    copy.keyBytes = this.#key.bytes;
    copy.keyEnd = this.#key.length;
    copy.seq = entry.seq;
    copy.kind = entry.kind;
  }
}

function compareKey(entry: CursorEntry, key: Uint8Array): number {
  return compareRanges(entry.keyBytes, entry.keyStart, entry.keyEnd, key, 0, key.length);
}
