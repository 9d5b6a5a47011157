import { copyRange } from '../base/bytes.js';

/** `array`, or a copy at least twice as large, so that it has room for `length` elements. */
export function grown<A extends Uint8Array | Uint32Array | Float64Array>(
  array: A,
  length: number,
): A {
  if (array.length >= length) return array;
  const larger = new (array.constructor as new (length: number) => A)(
    Math.max(length, array.length * 2),
  );
  larger.set(array);
  return larger;
}

/** Byte strings one after the other, in the order they came. */
export class BytesColumn {
  bytes: Uint8Array;
  /** `ends[i]` is where string i ends. */
  ends: Uint32Array = new Uint32Array(64);
  count = 0;
  length = 0;

  constructor(capacityBytes: number) {
    this.bytes = new Uint8Array(capacityBytes);
  }

  append(source: Uint8Array, start: number, end: number): void {
    const length = this.length + end - start;
    if (length > this.bytes.length) this.bytes = grown(this.bytes, length);
    if (this.count === this.ends.length) this.ends = grown(this.ends, this.count + 1);
    copyRange(source, start, end, this.bytes, this.length);
    this.length = length;
    this.ends[this.count++] = length;
  }

  startOf(index: number): number {
    return index === 0 ? 0 : this.ends[index - 1];
  }

  /** Length of the prefix that the first and the last string of a range share; all between share it when they are sorted. */
  commonPrefixLength(from = 0, to = this.count): number {
    if (to === from) return 0;
    const { bytes, ends } = this;
    const first = this.startOf(from);
    const last = this.startOf(to - 1);
    const shortest = Math.min(ends[from] - first, ends[to - 1] - last);
    let shared = 0;
    while (shared < shortest && bytes[first + shared] === bytes[last + shared]) shared++;
    return shared;
  }

  clear(): void {
    this.count = 0;
    this.length = 0;
  }
}

/** Four bytes of `bytes[start..end)` as a big-endian number, zeros behind the end. */
export function readHead(bytes: Uint8Array, start: number, end: number): number {
  if (start + 4 <= end) {
    return (
      ((bytes[start] << 24) |
        (bytes[start + 1] << 16) |
        (bytes[start + 2] << 8) |
        bytes[start + 3]) >>>
      0
    );
  }
  let head = 0;
  for (let i = 0; i < 4; i++) head = (head << 8) | (start + i < end ? bytes[start + i] : 0);
  return head >>> 0;
}
