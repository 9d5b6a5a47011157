/**
 * Names a record or a node: `arena index << offsetBits | byte offset / 4`, as an
 * int32. The sign bit is part of the index, so split it with `>>>`; `noRef` is
 * where no record or node begins.
 */
export type Ref = number;

export const noRef: Ref = 0;

/**
 * The memory of one memtable, as views. Everything in it is named by a `Ref`,
 * which means the same in every thread that holds the buffers.
 */
export class Arenas {
  readonly buffers: SharedArrayBuffer[] = [];
  readonly bytes: Uint8Array[] = [];
  /** Signed, so that what is read stays a small integer: no garbage, no doubles. */
  readonly words: Int32Array[] = [];
  readonly offsetBits: number;
  /** `ref & offsetMask` is the word offset inside the arena. */
  readonly offsetMask: number;

  /** `offsetBits` is log2 of the words of an arena. */
  constructor(offsetBits: number) {
    this.offsetBits = offsetBits;
    this.offsetMask = (1 << offsetBits) - 1;
  }

  /** Adds a buffer and returns its index. */
  add(buffer: SharedArrayBuffer): number {
    this.bytes.push(new Uint8Array(buffer));
    this.words.push(new Int32Array(buffer));
    return this.buffers.push(buffer) - 1;
  }

  clear(): void {
    this.buffers.length = 0;
    this.bytes.length = 0;
    this.words.length = 0;
  }
}
