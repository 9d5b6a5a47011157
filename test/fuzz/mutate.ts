import { writeU16, writeU32, writeU64 } from '../../src/base/bytes.js';
import type { Prng } from '../../src/base/prng.js';
import { writeVarint } from '../../src/base/varint.js';

/** Numbers at which lengths, counts and offsets go wrong. */
const borders: readonly number[] = [
  0,
  1,
  2,
  7,
  10,
  0x7f,
  0x80,
  0xff,
  0x100,
  0x7fff,
  0xffff,
  0x1_0000,
  0x00ff_ffff,
  0x0100_0000,
  0x7fff_ffff,
  0x8000_0000,
  0xffff_fffe,
  0xffff_ffff,
  0x1_0000_0000,
  Number.MAX_SAFE_INTEGER - 1,
  Number.MAX_SAFE_INTEGER,
];

/** The longest input made of seeds of ordinary size. */
const mostAddedBytes = 4096;

/**
 * An input for a decoder: one of the seeds cut short, made longer, with flipped
 * bits, changed numbers, moved pieces, joined with another, or nothing but noise.
 */
export function mutate(random: Prng, seeds: readonly Uint8Array[]): Uint8Array {
  const seed = seeds[random.below(seeds.length)];
  if (random.chance(0.03)) return noise(random, random.below(random.chance(0.2) ? 4096 : 80));
  let bytes = seed;
  const rounds = random.chance(0.7) ? 1 : 2 + random.below(3);
  for (let round = 0; round < rounds; round++) bytes = mutateOnce(random, bytes, seeds);
  return bytes;
}

function mutateOnce(random: Prng, seed: Uint8Array, seeds: readonly Uint8Array[]): Uint8Array {
  const length = seed.length;
  switch (random.below(11)) {
    case 0:
      return seed.slice(0, random.below(length + 1));
    case 1:
      return joined(seed, noise(random, 1 + random.below(40)));
    case 2:
      return joined(seed, new Uint8Array(1 + random.below(mostAddedBytes)));
    case 3:
      return splice(random, seed, seeds[random.below(seeds.length)]);
    case 4:
      return withoutPiece(random, seed);
    case 5:
      return withPieceTwice(random, seed);
    case 6:
      return withNoise(random, seed);
    case 7:
    case 8:
      return withFlippedBits(random, seed);
    default:
      return withNumber(random, seed);
  }
}

/** The same length: for bytes whose place in a file is fixed. */
export function mutateInPlace(random: Prng, seed: Uint8Array): Uint8Array {
  switch (random.below(4)) {
    case 0:
      return withFlippedBits(random, seed);
    case 1:
      return withNoise(random, seed);
    default:
      return withNumber(random, seed);
  }
}

function noise(random: Prng, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.u32());
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function splice(random: Prng, first: Uint8Array, second: Uint8Array): Uint8Array {
  const from = random.chance(0.5)
    ? random.below(first.length + 1)
    : random.below(second.length + 1);
  return joined(first.subarray(0, random.below(first.length + 1)), second.subarray(from));
}

function withoutPiece(random: Prng, bytes: Uint8Array): Uint8Array {
  const start = random.below(bytes.length + 1);
  const length = 1 + random.below(random.chance(0.5) ? 8 : bytes.length + 1);
  return joined(bytes.subarray(0, start), bytes.subarray(Math.min(bytes.length, start + length)));
}

function withPieceTwice(random: Prng, bytes: Uint8Array): Uint8Array {
  const start = random.below(bytes.length + 1);
  const piece = bytes.subarray(start, start + 1 + random.below(mostAddedBytes));
  const at = random.chance(0.5) ? start : random.below(bytes.length + 1);
  return joined(bytes.subarray(0, at), piece, bytes.subarray(at));
}

function withNoise(random: Prng, bytes: Uint8Array): Uint8Array {
  const changed = bytes.slice();
  const start = random.below(bytes.length + 1);
  const end = Math.min(bytes.length, start + 1 + random.below(24));
  const fill = random.below(3);
  for (let at = start; at < end; at++) changed[at] = [random.u32(), 0, 0xff][fill];
  return changed;
}

function withFlippedBits(random: Prng, bytes: Uint8Array): Uint8Array {
  const changed = bytes.slice();
  for (let flips = random.chance(0.6) ? 1 : 1 + random.below(8); flips > 0; flips--) {
    if (bytes.length > 0) changed[random.below(bytes.length)] ^= 1 << random.below(8);
  }
  return changed;
}

/** A length, count or offset that is one off, enormous, or anything in between. */
function withNumber(random: Prng, bytes: Uint8Array): Uint8Array {
  const changed = bytes.slice();
  const at = random.below(bytes.length + 1);
  const border = borders[random.below(borders.length)];
  const value = random.chance(0.3) ? random.below(bytes.length + 2) : border;
  const scratch = new Uint8Array(8);
  let length: number;
  switch (random.below(5)) {
    case 0:
      length = writeVarint(scratch, 0, value);
      break;
    case 1:
      writeU16(scratch, 0, value);
      length = 2;
      break;
    case 2:
      writeU64(scratch, 0, value);
      length = 8;
      break;
    case 3:
      scratch[0] = (bytes[at] ?? 0) + (random.chance(0.5) ? 1 : -1);
      length = 1;
      break;
    default:
      writeU32(scratch, 0, value);
      length = 4;
  }
  const room = Math.min(length, bytes.length - at);
  changed.set(scratch.subarray(0, room), at);
  return changed;
}
