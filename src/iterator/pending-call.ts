import { copyOf, emptyBytes, equalBytes } from '../base/bytes.js';

export const callNone = 0;
export const callFirst = 1;
export const callLast = 2;
export const callSeek = 3;
export const callSeekBefore = 4;
export const callNext = 5;
export const callPrev = 6;

/** A positioning call of the `Cursor` contract. */
export type Call =
  | typeof callNone
  | typeof callFirst
  | typeof callLast
  | typeof callSeek
  | typeof callSeekBefore
  | typeof callNext
  | typeof callPrev;

/**
 * The call that a composite cursor could not complete, so that its repetition
 * goes on where it stopped while any other call begins anew. Going on matters
 * beyond speed: two children that each lose their block when they are sought
 * again would otherwise take turns at failing for ever.
 */
export class PendingCall {
  #call: Call = callNone;
  #key: Uint8Array = emptyBytes;
  #seq = 0;

  isRepeatedBy(call: Call, key: Uint8Array, seq: number): boolean {
    return this.#call === call && this.#seq === seq && equalBytes(this.#key, key);
  }

  /** Keeps a copy of `key`: the caller may reuse its buffer for another call. */
  suspend(call: Call, key: Uint8Array, seq: number): void {
    if (this.isRepeatedBy(call, key, seq)) return;
    this.#call = call;
    this.#key = copyOf(key);
    this.#seq = seq;
  }

  clear(): void {
    this.#call = callNone;
  }
}
