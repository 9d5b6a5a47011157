/** Plain helpers over `Uint8Array`; all numbers are little-endian. */

export const emptyBytes: Uint8Array = new Uint8Array(0);

/** Compares two byte ranges as unsigned bytes; a shorter prefix comes first. */
export function compareRanges(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  // A byte loop: 4–7 ns for 16 bytes, against 38 ns for Buffer.compare.
  const aLength = aEnd - aStart;
  const bLength = bEnd - bStart;
  const shared = aLength < bLength ? aLength : bLength;
  for (let i = 0; i < shared; i++) {
    const difference = a[aStart + i] - b[bStart + i];
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
}

export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return compareRanges(a, 0, a.length, b, 0, b.length);
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compareBytes(a, b) === 0;
}

/** Copies `source[start..end)` to `target` at `at`. */
export function copyRange(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  at: number,
): void {
  // Below 48 bytes a loop beats making the view that `set` wants (10 ns and garbage).
  if (end - start < 48) {
    for (let i = start; i < end; i++) target[at++] = source[i];
  } else {
    target.set(new Uint8Array(source.buffer, source.byteOffset + start, end - start), at);
  }
}

/** A copy of `bytes[start..end)` that owns its buffer. */
export function copyOf(bytes: Uint8Array, start = 0, end = bytes.length): Uint8Array {
  const copy = new Uint8Array(end - start);
  copyRange(bytes, start, end, copy, 0);
  return copy;
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/**
 * The smallest key above every key that begins with `prefix`, or undefined when
 * there is none (empty, or nothing but 0xff bytes).
 */
export function prefixSuccessor(prefix: Uint8Array): Uint8Array | undefined {
  let end = prefix.length;
  while (end > 0 && prefix[end - 1] === 0xff) end--;
  if (end === 0) return undefined;
  const successor = copyOf(prefix, 0, end);
  successor[end - 1]++;
  return successor;
}

/** The smallest key above `key`: itself and a zero byte. */
export function keySuccessor(key: Uint8Array): Uint8Array {
  const successor = new Uint8Array(key.length + 1);
  successor.set(key);
  return successor;
}

export function readU16(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8);
}

export function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}

/** Reads 8 bytes; NaN when the number is above 2^53 - 1, so that no check passes by accident. */
export function readU64(bytes: Uint8Array, at: number): number {
  const high = readU32(bytes, at + 4);
  if (high > 0x1f_ffff) return NaN;
  return high * 0x1_0000_0000 + readU32(bytes, at);
}

export function writeU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
}

export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

export function writeU64(bytes: Uint8Array, at: number, value: number): void {
  writeU32(bytes, at, value % 0x1_0000_0000);
  writeU32(bytes, at + 4, Math.floor(value / 0x1_0000_0000));
}

/** Lower-case hex, as used in messages and for binary keys on the command line. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** A key as shown in messages: text where it is printable, else hex; cut at 40 characters. */
export function describeKey(key: Uint8Array): string {
  const shown = key.length > 40 ? key.subarray(0, 40) : key;
  const printable = shown.every((byte) => byte >= 0x20 && byte < 0x7f);
  const text = printable ? JSON.stringify(String.fromCharCode(...shown)) : `0x${toHex(shown)}`;
  return key.length > 40 ? `${text}… (${key.length} bytes)` : text;
}
