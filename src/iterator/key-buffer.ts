import { copyRange } from '../base/bytes.js';
import type { CursorEntry } from './cursor.js';

/** The user key of the versions a cursor is walking over, kept beyond the step that left them. */
export class KeyBuffer {
  bytes: Uint8Array = new Uint8Array(64);
  /** -1 while no key is held: it equals none, not even the empty one. */
  length = -1;

  /**
   * Holds the entry's key. False when it is the one held already. Neighbours in
   * sorted order share their front, so comparing and copying only the rest is
   * cheaper than copying all after a comparison.
   */
  hold(entry: CursorEntry): boolean {
    return this.holdRange(entry.keyBytes, entry.keyStart, entry.keyEnd);
  }

  /** As `hold`, for the key `keyBytes[keyStart..keyEnd)`. */
  holdRange(keyBytes: Uint8Array, keyStart: number, keyEnd: number): boolean {
    const length = keyEnd - keyStart;
    const limit = length < this.length ? length : this.length;
    const held = this.bytes;
    let shared = 0;
    while (shared < limit && held[shared] === keyBytes[keyStart + shared]) shared++;
    if (shared === length && length === this.length) return false;
    if (length > held.length) this.#grow(2 * length);
    copyRange(keyBytes, keyStart + shared, keyEnd, this.bytes, shared);
    this.length = length;
    return true;
  }

  letGo(): void {
    this.length = -1;
  }

  equals(entry: CursorEntry): boolean {
    const length = this.length;
    const start = entry.keyStart;
    if (entry.keyEnd - start !== length) return false;
    const held = this.bytes;
    const bytes = entry.keyBytes;
    // From the end: neighbours in sorted order share their front and differ at the back.
    for (let i = length - 1; i >= 0; i--) if (held[i] !== bytes[start + i]) return false;
    return true;
  }

  #grow(size: number): void {
    const bytes = new Uint8Array(size);
    bytes.set(this.bytes);
    this.bytes = bytes;
  }
}
