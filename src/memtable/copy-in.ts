/**
 * Copies `source[start..end)` into an arena at byte `at`. `words` and `bytes`
 * are views of the same arena.
 *
 * Words are put together in registers: 69 ns for 100 bytes, against 155 for a
 * byte loop and 88 for `set`, which is slow to start on shared memory and wants
 * a view of the source (garbage). From about 160 bytes on `set` wins.
 */
export function copyIn(
  source: Uint8Array,
  start: number,
  end: number,
  words: Int32Array,
  bytes: Uint8Array,
  at: number,
): void {
  if (end - start >= 160) {
    const whole = start === 0 && end === source.length;
    const view = whole
      ? source
      : new Uint8Array(source.buffer, source.byteOffset + start, end - start);
    bytes.set(view, at);
    return;
  }
  let i = start;
  while (i < end && (at & 3) !== 0) bytes[at++] = source[i++];
  let word = at >>> 2;
  for (; i + 4 <= end; i += 4) {
    words[word++] =
      source[i] | (source[i + 1] << 8) | (source[i + 2] << 16) | (source[i + 3] << 24);
  }
  for (at = 4 * word; i < end; i++) bytes[at++] = source[i];
}
