import { readU16, readU32, writeU16 } from '../base/bytes.js';
import { checksumAt, checksumSeed, type FileId } from '../base/checksum.js';
import { examineChecksum } from '../base/checksum-damage.js';
import type { ChecksumDamage, FlippedBit } from '../base/errors.js';
import { fragmentHeaderBytes, kindFirst, kindFull, kindLast, kindMiddle } from './log-format.js';

/** A fragment that does not check out, in memory. */
export interface SuspectFragment {
  readonly bytes: Uint8Array;
  /** Its header begins at `bytes[at]`. */
  readonly at: number;
  /** Bytes from there to the end of its block. */
  readonly room: number;
  /** As many of those as there are in the file. */
  readonly available: number;
  readonly fileId: FileId;
  /** Its place in the file. */
  readonly position: number;
}

/**
 * Whether one flipped bit makes these bytes what they are: a fragment, or zeros with
 * one bit set. Undefined where the fragment itself is sound, but not in its place.
 */
export function explainFragment(fragment: SuspectFragment): ChecksumDamage | undefined {
  const { available } = fragment;
  const damage = available < fragmentHeaderBytes ? { flippedBit: null } : explainBits(fragment);
  if (damage === undefined || damage.flippedBit !== null) return damage;
  return { ...damage, flippedBit: findOnlyBit(fragment) ?? null };
}

function explainBits(fragment: SuspectFragment): ChecksumDamage | undefined {
  const { bytes, at, fileId, position } = fragment;
  const kind = bytes[at + 6];
  const length = readU16(bytes, at + 4);
  let damage: ChecksumDamage = { expected: readU32(bytes, at) };
  if (fits(fragment, length)) {
    const end = at + fragmentHeaderBytes + length;
    const seed = checksumSeed(fileId, position);
    const origin = position - at;
    damage = examineChecksum({ bytes, start: at + 4, end, checksumAt: at, seed, origin });
    if (damage.expected === damage.found) return undefined;
    const flipped = damage.flippedBit;
    if (flipped !== null && flipped !== undefined) {
      const isKind = flipped.offset === position + 6;
      const meant = isKind ? kind ^ (1 << flipped.bit) : kind;
      const isLength = flipped.offset === position + 4 || flipped.offset === position + 5;
      if (!isLength && isPossibleKind(fragment, meant, length)) return damage;
    }
  }
  return { ...damage, flippedBit: findFlippedLength(fragment, kind, length) ?? null };
}

/** A flip in the length changes what the checksum covers: each of its 16 bits is tried. */
function findFlippedLength(
  fragment: SuspectFragment,
  kind: number,
  length: number,
): FlippedBit | undefined {
  const { bytes, at, fileId, position } = fragment;
  const expected = readU32(bytes, at);
  for (let bit = 0; bit < 16; bit++) {
    const meant = length ^ (1 << bit);
    if (!fits(fragment, meant) || !isPossibleKind(fragment, kind, meant)) continue;
    const covered = bytes.slice(at + 4, at + fragmentHeaderBytes + meant);
    writeU16(covered, 0, meant);
    if (checksumAt(covered, fileId, position) === expected) {
      return { offset: position + 4 + (bit >>> 3), bit: bit & 7 };
    }
  }
  return undefined;
}

/** The bit, where it is the only one up to the end of the block: behind the end there are zeros. */
function findOnlyBit({ bytes, at, available, position }: SuspectFragment): FlippedBit | undefined {
  let found: FlippedBit | undefined;
  for (let i = 0; i < available; i++) {
    const byte = bytes[at + i];
    if (byte === 0) continue;
    if (found !== undefined || (byte & (byte - 1)) !== 0) return undefined;
    found = { offset: position + i, bit: 31 - Math.clz32(byte) };
  }
  return found;
}

function fits({ available }: SuspectFragment, length: number): boolean {
  return length > 0 && fragmentHeaderBytes + length <= available;
}

function isPossibleKind({ room }: SuspectFragment, kind: number, length: number): boolean {
  if (kind === kindFull || kind === kindLast) return true;
  return (kind === kindFirst || kind === kindMiddle) && fragmentHeaderBytes + length === room;
}
