import { copyRange } from '../base/bytes.js';
import type { CursorEntry } from './cursor.js';

/** The user key of the versions a cursor is walking over, kept beyond the step that left them. */
export class KeyBuffer {
  bytes: Uint8Array = new Uint8Array(64);
  /** -1 while no key is held: it equals none, not even the empty one. */
  length = -1;

  hold(entry: CursorEntry): void {
    const length = entry.keyEnd - entry.keyStart;
    if (length > this.bytes.length) this.bytes = new Uint8Array(length * 2);
    copyRange(entry.keyBytes, entry.keyStart, entry.keyEnd, this.bytes, 0);
    this.length = length;
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
}
