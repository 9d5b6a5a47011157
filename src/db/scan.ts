import { keySuccessor } from '../base/bytes.js';
import type { Clock } from '../base/clock.js';
import { LsmError } from '../base/errors.js';
import type { CursorEntry } from '../iterator/cursor.js';
import type { VisibleIterator } from '../iterator/visible-iterator.js';
import type { ReadView } from '../tree/read-view.js';
import { closeOnAbort } from './abort-signals.js';
import { Forgettable } from './forgotten.js';
import type { KeyEncoding } from './encoding.js';
import { ownKey } from './range.js';
import type { ReadCosts } from './read-costs.js';

/** What an iterator walks over, made by the database. */
export interface ScanParts<T> {
  readonly cursor: VisibleIterator;
  /** Pinned for this scan. */
  readonly view: ReadView;
  readonly reverse: boolean;
  readonly limit: number;
  readonly stayOpen: boolean;
  readonly keysOnly: boolean;
  readonly decode: (entry: CursorEntry) => T;
  readonly signal: AbortSignal | undefined;
  readonly clock: Clock;
  /** The newest sequence number seen. */
  readonly seq: number;
  readonly keyspaceId: number;
  readonly reads: ReadCosts;
  readonly keyEncoding: KeyEncoding;
}

/** Who keeps the scans that are open. */
export interface ScanOwner {
  /** Called once, when the scan is over. */
  ended(scan: Scan<unknown>): void;
}

/**
 * A walk over the keys of one moment, behind both kinds of iterator. Restartable:
 * `step` returns false when a block must be waited for (`cursor`), then repeat it.
 */
export class Scan<T> extends Forgettable {
  /** Its place among the open ones; negative: closed. */
  openAt = -1;
  readonly #parts: ScanParts<T>;
  readonly #owner: ScanOwner;
  #returned = 0;
  #isStarted = false;
  #target: Uint8Array | undefined;
  #isClosed = false;
  /** Why it was closed, if not by its user. */
  #reason: LsmError | undefined;
  #forgetSignal: (() => void) | undefined;

  /** When it began, by the monotonic clock. */
  readonly sinceMs: number;

  constructor(parts: ScanParts<T>, owner: ScanOwner) {
    super();
    this.#owner = owner;
    this.#parts = parts;
    this.sinceMs = parts.clock.monotonicMs();
  }

  get seq(): number {
    return this.#parts.seq;
  }

  get keyspaceId(): number {
    return this.#parts.keyspaceId;
  }

  get cursor(): VisibleIterator {
    return this.#parts.cursor;
  }

  get clock(): Clock {
    return this.#parts.clock;
  }

  /** Ends when its signal is aborted: for those who come back to the event loop between two steps. */
  heedSignal(): void {
    const { signal } = this.#parts;
    if (signal !== undefined) this.#forgetSignal = closeOnAbort(signal, this);
  }

  /** Nothing more comes, whatever lies behind. */
  get isExhausted(): boolean {
    return this.#returned >= this.#parts.limit;
  }

  /** Moves to the next entry; when true, `current` has it, or undefined at the end. */
  step(): boolean {
    if (this.#returned >= this.#parts.limit) return true;
    return this.#parts.reverse ? this.#stepBack() : this.#stepForward();
  }

  /** After `step`: the entry stood on, or undefined past the end. Counts towards the limit. */
  take(): T | undefined {
    const { cursor, limit, decode } = this.#parts;
    if (this.#returned >= limit || !cursor.valid) return undefined;
    this.#isStarted = true;
    this.#target = undefined;
    const value = decode(cursor.entry);
    // Nothing more will come: what is pinned goes now, not when somebody asks again.
    if (++this.#returned === limit) this.end();
    return value;
  }

  /** Bytes of what was taken last, as stored: key and value, or the key where only keys are asked for. */
  get takenBytes(): number {
    const { keyStart, keyEnd, valueStart, valueEnd } = this.#parts.cursor.entry;
    return keyEnd - keyStart + (this.#parts.keysOnly ? 0 : valueEnd - valueStart);
  }

  /** The next `step` goes to `key`, or to the first one behind it in the direction of the scan. */
  seek(key: unknown): void {
    this.checkOpen();
    const target = ownKey(key, this.#parts.keyEncoding);
    this.#target = this.#parts.reverse ? keySuccessor(target) : target;
  }

  /** @throws LsmError `LSM_CLOSED`, or why else it ended */
  checkOpen(): void {
    if (this.#reason !== undefined) throw this.#reason;
    if (this.#isClosed) throw new LsmError('LSM_CLOSED', 'the iterator is closed');
  }

  /** True when there is nothing more to come. @throws LsmError why it was ended, if not by its user or its last entry */
  get isOver(): boolean {
    if (this.#reason !== undefined) throw this.#reason;
    return this.#isClosed;
  }

  /** Its last entry was given. */
  end(): void {
    if (!this.#parts.stayOpen) this.close();
  }

  close(reason?: LsmError): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#reason = reason;
    this.#forgetSignal?.();
    const { cursor, view, reads } = this.#parts;
    reads.scanned(view.version.tablesAt(0).length, this.#returned);
    cursor.close();
    view.unpin();
    this.#owner.ended(this);
  }

  #stepForward(): boolean {
    const { cursor } = this.#parts;
    if (this.#target !== undefined) return cursor.seek(this.#target);
    if (!this.#isStarted) return cursor.first();
    return cursor.valid ? cursor.next() : true;
  }

  #stepBack(): boolean {
    const { cursor } = this.#parts;
    if (this.#target !== undefined) return cursor.seekBefore(this.#target);
    if (!this.#isStarted) return cursor.last();
    return cursor.valid ? cursor.prev() : true;
  }
}
