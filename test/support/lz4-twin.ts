/*
 * What src/kernel/lz4.as does, in plain TypeScript and one byte at a time: the
 * kernel must give the same bytes and the same answers.
 */

const shortestInput = 13;
const lastLiterals = 5;
const lastMatch = 12;
const shortestMatch = 4;
const longestOffset = 65_535;
const patience = 24;

/** The LZ4 block of `raw`. */
export function compressTwin(raw: Uint8Array): Uint8Array {
  const packed: number[] = [];
  let anchor = 0;
  if (raw.length >= shortestInput) {
    const bits = Math.min(Math.max(32 - Math.clz32(raw.length - 1), 6), 13);
    const table = new Uint32Array(2 ** bits);
    const slotOf = (at: number): number =>
      Math.imul(wordAt(raw, at), 2_654_435_761) >>> (32 - bits);
    let tries = 0;
    let at = 1;
    while (at <= raw.length - lastMatch) {
      let match = table[slotOf(at)];
      table[slotOf(at)] = at;
      if (wordAt(raw, match) !== wordAt(raw, at) || at - match > longestOffset) {
        at += tries < patience ? 1 : 4 + (tries >> 5);
        tries++;
        continue;
      }
      const isRun = wordAt(raw, at + 1) === wordAt(raw, at);
      if (isRun && at < raw.length - lastMatch) match = at++;
      const offset = at - match;
      let end = at + shortestMatch;
      while (end < raw.length - lastLiterals && raw[end] === raw[end - offset]) end++;
      while (at > anchor && match > 0 && raw[at - 1] === raw[match - 1]) {
        at--;
        match--;
      }
      putSequence(packed, raw.subarray(anchor, at), offset, end - at - shortestMatch);
      anchor = at = end;
      tries = 0;
      if (at <= raw.length - lastMatch) table[slotOf(at - 2)] = at - 2;
    }
  }
  putSequence(packed, raw.subarray(anchor), 0, 0);
  return Uint8Array.from(packed);
}

/** The bytes of the LZ4 block `packed` where it gives exactly `rawLength` of them. */
export function decompressTwin(packed: Uint8Array, rawLength: number): Uint8Array | undefined {
  const raw: number[] = [];
  let at = 0;
  while (at < packed.length) {
    const token = packed[at++];
    let literals = token >> 4;
    if (literals === 15) {
      let more: number;
      do {
        if (at === packed.length) return undefined;
        more = packed[at++];
        literals += more;
      } while (more === 255);
    }
    if (at + literals > packed.length || raw.length + literals > rawLength) return undefined;
    for (let i = 0; i < literals; i++) raw.push(packed[at++]);
    if (at === packed.length) return raw.length === rawLength ? Uint8Array.from(raw) : undefined;

    if (at + 2 > packed.length) return undefined;
    const offset = packed[at] | (packed[at + 1] << 8);
    at += 2;
    if (offset === 0 || offset > raw.length) return undefined;
    let matched = (token & 15) + shortestMatch;
    if ((token & 15) === 15) {
      let more: number;
      do {
        if (at === packed.length) return undefined;
        more = packed[at++];
        matched += more;
      } while (more === 255);
    }
    if (raw.length + matched > rawLength) return undefined;
    for (let i = 0; i < matched; i++) raw.push(raw[raw.length - offset]);
  }
  return undefined;
}

/** A sequence, or with offset 0 the last literals. */
function putSequence(
  packed: number[],
  literals: Uint8Array,
  offset: number,
  matched: number,
): void {
  packed.push((Math.min(literals.length, 15) << 4) | Math.min(matched, 15));
  putRest(packed, literals.length - 15);
  for (const byte of literals) packed.push(byte);
  if (offset === 0) return;
  packed.push(offset & 255, offset >> 8);
  putRest(packed, matched - 15);
}

function putRest(packed: number[], rest: number): void {
  if (rest < 0) return;
  for (; rest >= 255; rest -= 255) packed.push(255);
  packed.push(rest);
}

function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}
