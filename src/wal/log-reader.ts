import { emptyBytes, readU16, readU32, readU64 } from '../base/bytes.js';
import type { FileId } from '../base/checksum.js';
import { describeMismatch } from '../base/checksum-damage.js';
import type { ChecksumDamage } from '../base/errors.js';
import type { Waitable } from '../base/task.js';
import type { File } from '../fs/file-system.js';
import { explainFragment } from './explain-fragment.js';
import { FileWindow } from './file-window.js';
import {
  fragmentChecksum,
  fragmentHeaderBytes,
  kindEnd,
  kindFirst,
  kindFull,
  kindLast,
  kindMiddle,
  logBlockBytes,
  maxRecordBytes,
  recordPrefixBytes,
  recordStartRoom,
  roomInBlock,
} from './log-format.js';
import { Resynchroniser } from './resynchronise.js';

export interface LogReaderOptions {
  readonly fileId: FileId;
  /** Offset of the first record: the size of the file header. */
  readonly start: number;
  /** Stop at this offset as if the file ended there. Default: none. */
  readonly limit?: number;
  /** Records state synced offsets (write-ahead log), to be gathered in the report. Default false. */
  readonly hasClaims?: boolean;
  /** False only walks and checks: records have a length, no bytes. Default true. */
  readonly assemble?: boolean;
  /** Length of the longest record, where known: its memory is taken at once. */
  readonly longestRecord?: number;
}

/** The numbers are found out only for the first damage. */
const wrongChecksum = 'fragment checksum';

/** Where a log ended, and what is behind that. */
export interface LogReport {
  /**
   * `eof`: the file ends behind a whole record. `zeros`: nothing but zeros follows
   * it. `damage`: something follows that is no whole record, be it torn or rotten.
   */
  readonly reason: 'eof' | 'zeros' | 'damage';
  /** What did not check out; empty without damage. */
  readonly detail: string;
  /** What its checksum tells, where there is one. */
  readonly damage: ChecksumDamage | undefined;
  /** Offset behind the last record before the end or the damage. */
  readonly end: number;
  /** Offset of what did not check out; the same as `end` without damage. */
  readonly damagedAt: number;
  /** Offset behind the last byte that is not zero, as far as that is behind `end`; else `end`. */
  readonly usedEnd: number;
  /** Records up to `end`, and length of the longest. */
  readonly records: number;
  readonly longestRecord: number;
  /** Records that begin behind the damage with a fragment that checks out. */
  readonly recordsBehind: number;
  /** The largest synced offset that any record states, before or behind the damage; 0 = none. */
  readonly claim: number;
}

/**
 * Reads a log from its first record to its end, one mebibyte at a time.
 *
 *     while ((step = reader.advance()) !== 'end') {
 *       if (step === 'wait') { yield reader; continue; }
 *       …                                  // a record: bytes[recordStart..recordEnd)
 *     }
 *
 * At the first fragment that does not check out the log has ended, for its
 * content. The reader goes on, trying every following offset, and hands out what
 * it finds with `isBehindDamage` set: evidence that more had been written.
 */
export class LogReader implements Waitable {
  /** The record, valid until the next call. Without `assemble` only its length is right. */
  bytes: Uint8Array = emptyBytes;
  recordStart = 0;
  recordEnd = 0;
  /** Offset of its first fragment in the file. */
  recordOffset = 0;
  isBehindDamage = false;

  readonly #window: FileWindow;
  readonly #fileId: FileId;
  readonly #hasClaims: boolean;
  readonly #assemble: boolean;
  readonly #resynchroniser: Resynchroniser;
  #position: number;
  #isDone = false;
  #isSearching = false;
  /** A record is open: FIRST was read. Its bytes so far are `#joined[0..#joinedLength)`. */
  #isInside = false;
  #joined: Uint8Array = emptyBytes;
  #joinedLength = 0;
  #capacity: number;

  #reason: LogReport['reason'] = 'eof';
  #detail = '';
  #checksumDamage: ChecksumDamage | undefined;
  #end: number;
  #damagedAt = -1;
  #usedEnd = 0;
  #records = 0;
  #longest = 0;
  #recordsBehind = 0;
  #claim = 0;

  constructor(file: File, options: LogReaderOptions) {
    this.#window = new FileWindow(file, options.limit);
    this.#fileId = options.fileId;
    this.#hasClaims = options.hasClaims ?? false;
    this.#assemble = options.assemble ?? true;
    this.#capacity = Math.min(options.longestRecord ?? 4 * logBlockBytes, maxRecordBytes);
    this.#resynchroniser = new Resynchroniser(options.fileId);
    this.#position = this.#end = options.start;
  }

  /** To the next record, the end, or to where bytes must be waited for first. */
  advance(): 'record' | 'wait' | 'end' {
    for (;;) {
      if (this.#isDone) return 'end';
      if (!this.#window.covers(this.#position)) return 'wait';
      if (this.#position >= this.#window.end) this.#finish();
      else if (this.#isSearching) this.#search();
      else if (this.#readFragment()) return 'record';
    }
  }

  wait(): Promise<void> {
    return this.#window.wait();
  }

  waitSync(): void {
    this.#window.waitSync();
  }

  /** Final once `advance` has returned `end`. */
  get report(): LogReport {
    return {
      reason: this.#reason,
      detail: this.#detail,
      damage: this.#checksumDamage,
      end: this.#end,
      damagedAt: this.#damagedAt < 0 ? this.#end : this.#damagedAt,
      usedEnd: Math.max(this.#usedEnd, this.#end),
      records: this.#records,
      longestRecord: this.#longest,
      recordsBehind: this.#recordsBehind,
      claim: this.#claim,
    };
  }

  /** Reads the fragment at the position; true when it completes a record. */
  #readFragment(): boolean {
    const { bytes, start, end } = this.#window;
    const position = this.#position;
    const room = roomInBlock(position);
    const at = position - start;
    const available = Math.min(room, end - position);
    if (!this.#isInside && room < recordStartRoom) {
      if (isZero(bytes, at, at + available)) this.#position += room;
      else this.#damage('bytes that should be zero');
      return false;
    }
    if (available < fragmentHeaderBytes) {
      if (isZero(bytes, at, at + available)) this.#reachZeros();
      else this.#damage('fragment header cut off');
      return false;
    }
    const checksum = readU32(bytes, at);
    const length = readU16(bytes, at + 4);
    const kind = bytes[at + 6];
    if (kind === kindEnd && length === 0 && checksum === 0) {
      this.#reachZeros();
      return false;
    }
    const problem = this.#examine(kind, length, room, available);
    if (problem !== '') {
      this.#damage(problem);
      return false;
    }
    if (checksum !== fragmentChecksum(bytes, at, length, this.#fileId, position)) {
      this.#damage(wrongChecksum);
      return false;
    }
    const from = at + fragmentHeaderBytes;
    const isStart = kind === kindFull || kind === kindFirst;
    if (isStart) this.#beginRecord(position, from, length);
    else if (this.#joinedLength + length > maxRecordBytes) {
      this.#damage('record too long');
      return false;
    }
    this.#position = position + fragmentHeaderBytes + length;
    if (kind === kindFull) {
      this.bytes = bytes;
      this.recordStart = from;
      this.recordEnd = from + length;
      return this.#completeRecord();
    }
    this.#join(bytes, from, length);
    if (kind !== kindLast) return false;
    this.bytes = this.#joined;
    this.recordStart = 0;
    this.recordEnd = this.#joinedLength;
    return this.#completeRecord();
  }

  /** What is wrong with a fragment header at this place, or ''. */
  #examine(kind: number, length: number, room: number, available: number): string {
    if (kind < kindFull || kind > kindLast) return `fragment of unknown kind ${kind}`;
    if ((kind === kindMiddle || kind === kindLast) !== this.#isInside) {
      return this.#isInside ? 'record without its last fragment' : 'fragment without its first';
    }
    const span = fragmentHeaderBytes + length;
    if (length === 0 || span > room) return `impossible fragment length ${length}`;
    if ((kind === kindFirst || kind === kindMiddle) && span !== room) {
      return 'fragment that continues but does not fill its block';
    }
    return span > available ? 'fragment cut off' : '';
  }

  #beginRecord(position: number, from: number, length: number): void {
    this.recordOffset = position;
    this.#joinedLength = 0;
    this.#isInside = true;
    if (this.isBehindDamage) this.#recordsBehind++;
    if (!this.#hasClaims || length < recordPrefixBytes) return;
    const claim = readU64(this.#window.bytes, from + 1);
    // No writer can know of synced bytes behind the record it is making.
    if (claim <= position && claim > this.#claim) this.#claim = claim;
  }

  #join(bytes: Uint8Array, from: number, length: number): void {
    const needed = this.#joinedLength + length;
    if (this.#assemble) {
      if (needed > this.#joined.length) this.#grow(needed);
      this.#joined.set(bytes.subarray(from, from + length), this.#joinedLength);
    }
    this.#joinedLength = needed;
  }

  #grow(needed: number): void {
    this.#capacity = Math.min(
      Math.max(needed, this.#capacity, 2 * this.#joined.length),
      maxRecordBytes,
    );
    const grown = new Uint8Array(this.#capacity);
    grown.set(this.#joined.subarray(0, this.#joinedLength));
    this.#joined = grown;
  }

  #completeRecord(): true {
    this.#isInside = false;
    if (this.isBehindDamage) return true;
    this.#end = this.#position;
    this.#records++;
    this.#longest = Math.max(this.#longest, this.recordEnd - this.recordStart);
    return true;
  }

  #reachZeros(): void {
    if (this.#isInside) return this.#damage('record cut off');
    if (!this.isBehindDamage) this.#reason = 'zeros';
    this.#beginSearch();
  }

  #damage(detail: string): void {
    if (!this.isBehindDamage) this.#reportDamage(detail, this.#position);
    this.#beginSearch();
  }

  #reportDamage(detail: string, offset: number): void {
    this.#reason = 'damage';
    this.#damagedAt = offset;
    this.#checksumDamage = this.#explain(offset);
    this.#detail =
      detail === wrongChecksum ? describeMismatch('fragment', this.#checksumDamage ?? {}) : detail;
  }

  /** A flipped bit is looked for once per log at most. */
  #explain(position: number): ChecksumDamage | undefined {
    const { bytes, start, end } = this.#window;
    if (position < start) return undefined;
    const room = roomInBlock(position);
    const available = Math.min(room, end - position);
    const fileId = this.#fileId;
    return explainFragment({ bytes, at: position - start, room, available, fileId, position });
  }

  #beginSearch(): void {
    this.#isInside = false;
    this.isBehindDamage = true;
    this.#isSearching = true;
  }

  /** Looks for the start of a record from the position to the end of its block. */
  #search(): void {
    const { bytes, start, end } = this.#window;
    const at = this.#position - start;
    const blockEnd = this.#position + roomInBlock(this.#position);
    const stop = Math.min(blockEnd, end) - start;
    if (isZero(bytes, at, stop)) {
      this.#position = blockEnd;
      return;
    }
    if (this.#reason === 'zeros') this.#reportDamage('bytes behind the end', this.#position);
    let used = stop;
    while (bytes[used - 1] === 0) used--;
    this.#usedEnd = start + used;
    const found = this.#resynchroniser.find(bytes, start, at, stop);
    this.#position = found < 0 ? blockEnd : start + found;
    this.#isSearching = found < 0;
  }

  #finish(): void {
    if (this.#isInside) this.#damage('record cut off');
    this.#isDone = true;
  }
}

const zeroBlock = Buffer.alloc(logBlockBytes);

/** True when `bytes[start..end)`, at most one block, are zeros: a comparison of memory, 3 µs per block. */
function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (length < 64) {
    for (let at = start; at < end; at++) if (bytes[at] !== 0) return false;
    return true;
  }
  // Not zeroBlock.compare(bytes, start, end, …), which Deno refuses where `end` is behind its own end.
  return Buffer.compare(zeroBlock.subarray(0, length), bytes.subarray(start, end)) === 0;
}
