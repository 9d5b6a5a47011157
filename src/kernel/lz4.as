/*
 * The LZ4 block format (https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md)
 * in AssemblyScript; `npm run build:kernel` makes lz4-wasm.ts from it, lz4.ts calls it.
 *
 *   block    = sequence* last
 *   sequence = token literal-length* literals offset:u16 match-length*
 *   last     = token literal-length* literals
 *   token    = 4 bits of literal length, 4 bits of match length - 4; 15 goes on in
 *              bytes that are added up to the first that is not 255
 *
 * The caller lays out memory: `source` and `target` are addresses from `freeFrom()`
 * on, with `slack` bytes of room behind each, which may be read and written: copies
 * go in whole vectors. Apart from that nothing outside source[0..length) is used,
 * and nothing outside target[0..limit) or target[0..targetLength) is written.
 */

/** Input shorter than this is stored as literals: a match ends 5 bytes before the end and begins 12 before it. */
const shortestInput: usize = 13;
const lastLiterals: usize = 5;
const lastMatch: usize = 12;
const shortestMatch: usize = 4;
const longestOffset: usize = 65535;

/**
 * Where words stood last, by hash, counted from the input's start; cleared for each
 * block, hence small: 8 KiB for a block of 4 KiB take 0.1 µs. Of two bytes each up to
 * 64 KiB, where nothing is out of reach.
 */
const fewestTableBits: u32 = 6;
const mostTableBits: u32 = 13;
const table: usize = memory.data(4 << 13, 16);

/**
 * After so many positions without a match the steps become long, and longer: there
 * is none in random bytes. Shorter patience costs English more than 2 %.
 */
const patience: u32 = 24;

/** For an offset below 16: which byte before the copy stands at each of the next 16. */
// prettier-ignore
const patterns: usize = memory.data<u8>([
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1,
  0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0,
  0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3,
  0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0,
  0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 0, 1, 2, 3,
  0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6, 0, 1,
  0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3, 4, 5, 6,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 1, 2, 3, 4,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0, 1, 2, 3,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 1, 2,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 0, 1,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0,
], 16);
/** How far 16 bytes of that pattern bring the copy before the pattern begins anew. */
const strides: usize = memory.data<u8>([0, 16, 16, 15, 16, 15, 12, 14, 16, 9, 10, 11, 12, 13, 14, 15]);

/** Where the caller's memory begins. */
export function freeFrom(): usize {
  return (__heap_base + 15) & ~15;
}

/** Returns the compressed length; 0 when it is more than `limit`. */
export function compress(source: usize, length: usize, target: usize, limit: usize): usize {
  return length <= 65536
    ? compressWith<u16>(source, length, target, limit)
    : compressWith<u32>(source, length, target, limit);
}

// @ts-ignore: decorator
@inline
function compressWith<Position>(
  source: usize,
  length: usize,
  target: usize,
  limit: usize,
): usize {
  const end = source + length;
  const targetEnd = target + limit;
  let to = target;
  let anchor = source;
  if (length >= shortestInput) {
    const bits = min(max(32 - <u32>clz(<u32>length - 1), fewestTableBits), mostTableBits);
    const shift = 32 - bits;
    memory.fill(table, 0, sizeof<Position>() << bits);
    const lastStart = end - lastMatch;
    const matchEnd = end - lastLiterals;
    // An empty slot means the first word, which needs no slot then.
    let at = source + 1;
    let tries: u32 = 0;
    while (at <= lastStart) {
      const word = load<u32>(at);
      const slot = slotOf<Position>(word, shift);
      let match: usize = source + <usize>load<Position>(slot);
      store<Position>(slot, <Position>(at - source));
      if (load<u32>(match) != word || (sizeof<Position>() > 2 && at - match > longestOffset)) {
        at += tries < patience ? 1 : 4 + (tries >> 5);
        tries++;
        continue;
      }
      // A run is one sequence; the end of the run before it, which the table knows, would make two of it.
      if (load<u32>(at + 1) == word && at < lastStart) match = at++;
      const offset = at - match;
      // Steps of more than one may have passed the match's beginning.
      while (at > anchor && match > source && load<u8>(at - 1) == load<u8>(match - 1)) {
        at--;
        match--;
      }
      const token = to;
      to = putLiterals(anchor, at - anchor, to, targetEnd);
      if (to == 0) return 0;
      const matched = countEqual(at + shortestMatch, match + shortestMatch, matchEnd);
      at += shortestMatch + matched;
      if (to + 3 + matched / 255 > targetEnd) return 0;
      store<u16>(to, <u16>offset);
      to = putMatchLength(matched, token, to + 2);
      anchor = at;
      tries = 0;
      if (at <= lastStart) {
        store<Position>(slotOf<Position>(load<u32>(at - 2), shift), <Position>(at - 2 - source));
      }
    }
  }
  to = putLiterals(anchor, end - anchor, to, targetEnd);
  return to == 0 ? 0 : to - target;
}

/**
 * Restores source[0..length) to target[0..targetLength). Returns 1, or 0 when the
 * bytes are no block or give another length.
 */
export function decompress(
  source: usize,
  length: usize,
  target: usize,
  targetLength: usize,
): i32 {
  const end = source + length;
  const targetEnd = target + targetLength;
  let at = source;
  let to = target;
  while (at < end) {
    const token = <usize>load<u8>(at++);
    let literals = token >> 4;
    if (literals == 15) {
      let more: usize;
      do {
        if (at >= end) return 0;
        more = load<u8>(at++);
        literals += more;
      } while (more == 255);
    }
    if (literals > end - at || literals > targetEnd - to) return 0;
    copyVectors(at, to, literals);
    at += literals;
    to += literals;
    if (at == end) return i32(to == targetEnd);

    if (end - at < 2) return 0;
    const offset = <usize>load<u16>(at);
    at += 2;
    if (offset == 0 || offset > to - target) return 0;
    let matched = token & 15;
    if (matched == 15) {
      let more: usize;
      do {
        if (at >= end) return 0;
        more = load<u8>(at++);
        matched += more;
      } while (more == 255);
    }
    matched += shortestMatch;
    if (matched > targetEnd - to) return 0;
    if (offset >= 16) copyVectors(to - offset, to, matched);
    else repeat(offset, to, matched);
    to += matched;
  }
  // No block ends behind a match.
  return 0;
}

// @ts-ignore: decorator
@inline
function slotOf<Position>(word: u32, shift: u32): usize {
  // Knuth's multiplicative hash with a prime near 2^32 times the golden ratio.
  return table + sizeof<Position>() * ((word * 2654435761) >> shift);
}

/** Writes a token with its literals; returns the address behind them, or 0 where they do not fit. */
// @ts-ignore: decorator
@inline
function putLiterals(from: usize, count: usize, to: usize, targetEnd: usize): usize {
  if (count < 15) {
    if (to + 1 + count > targetEnd) return 0;
    store<u8>(to++, <u8>(count << 4));
  } else {
    if (to + 2 + (count - 15) / 255 + count > targetEnd) return 0;
    store<u8>(to, 0xf0);
    to = putRest(count - 15, to + 1);
  }
  copyVectors(from, to, count);
  return to + count;
}

/** Puts a match length into the token and behind the offset; returns the address behind it. */
// @ts-ignore: decorator
@inline
function putMatchLength(matched: usize, token: usize, to: usize): usize {
  if (matched < 15) {
    store<u8>(token, load<u8>(token) | <u8>matched);
    return to;
  }
  store<u8>(token, load<u8>(token) | 15);
  return putRest(matched - 15, to);
}

// @ts-ignore: decorator
@inline
function putRest(rest: usize, to: usize): usize {
  for (; rest >= 255; rest -= 255) store<u8>(to++, 255);
  store<u8>(to, <u8>rest);
  return to + 1;
}

/** How many bytes are the same from `a` and `b` on, `b` the earlier, up to `end` of `a`. */
// @ts-ignore: decorator
@inline
function countEqual(a: usize, b: usize, end: usize): usize {
  const start = a;
  while (a < end) {
    const unequal = ~i8x16.bitmask(i8x16.eq(v128.load(a), v128.load(b))) & 0xffff;
    if (unequal != 0) {
      a += <usize>ctz(unequal);
      break;
    }
    a += 16;
    b += 16;
  }
  return (a < end ? a : end) - start;
}

/** Copies `count` bytes to `to`, and up to 15 more; `from` is not before `to` by less than 16. */
// @ts-ignore: decorator
@inline
function copyVectors(from: usize, to: usize, count: usize): void {
  v128.store(to, v128.load(from));
  if (count <= 16) return;
  for (let done: usize = 16; done < count; done += 32) {
    v128.store(to + done, v128.load(from + done));
    v128.store(to + done + 16, v128.load(from + done + 16));
  }
}

/** Copies `count` bytes from `offset` bytes before `to`, below 16, to `to`, and up to 15 more. */
// @ts-ignore: decorator
@inline
function repeat(offset: usize, to: usize, count: usize): void {
  const pattern = i8x16.swizzle(v128.load(to - offset), v128.load(patterns + (offset << 4)));
  const stride = <usize>load<u8>(strides + offset);
  for (let done: usize = 0; done < count; done += stride) v128.store(to + done, pattern);
}
