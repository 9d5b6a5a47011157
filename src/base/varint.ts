/** Unsigned LEB128 integers up to 2^53 - 1, at most 8 bytes. */

export const maxVarintBytes = 8;

export function varintLength(value: number): number {
  let length = 1;
  while (value >= 0x80) {
    value = Math.floor(value / 0x80);
    length++;
  }
  return length;
}

/** Writes `value` at `at` and returns the offset behind it. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  while (value > 0x7fff_ffff) {
    bytes[at++] = (value % 0x80) | 0x80;
    value = Math.floor(value / 0x80);
  }
  while (value >= 0x80) {
    bytes[at++] = (value & 0x7f) | 0x80;
    value >>>= 7;
  }
  bytes[at++] = value;
  return at;
}

/**
 * Reads varints one after the other from `bytes[position..end)`. `next` returns
 * -1 when the bytes end early or the number does not fit: hostile input is an
 * answer, not an exception, so that each caller names its own structure.
 */
export class VarintReader {
  bytes: Uint8Array;
  position: number;
  end: number;

  constructor(bytes: Uint8Array, position = 0, end = bytes.length) {
    this.bytes = bytes;
    this.position = position;
    this.end = end;
  }

  next(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < maxVarintBytes; i++) {
      if (this.position >= this.end) return -1;
      const byte = this.bytes[this.position++];
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value <= Number.MAX_SAFE_INTEGER ? value : -1;
      scale *= 0x80;
    }
    return -1;
  }
}
