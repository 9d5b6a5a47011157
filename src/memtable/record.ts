import type { EntryKind } from '../base/internal-key.js';
import type { CursorEntry } from '../iterator/cursor.js';
import { noRef, type Arenas, type Ref } from './arenas.js';
import { copyIn } from './copy-in.js';

/*
 * A record is one entry in an arena. It never changes once it is written.
 *
 *   record   = seqLow meta lengths [valueLength] [superseded] key value padding
 *   seqLow   = u32                     low half of the sequence number
 *   meta     = bits 0-20   high part of the sequence number (it is below 2^53)
 *              bits 21-28  kind
 *              bit  29     has `superseded`
 *              bit  30     has `valueLength`
 *   lengths  = u16 key length, u16 value length (low half first), or 0xffff with:
 *   valueLength = u32
 *   superseded  = older jump depth     three words, see versions.ts
 *   padding  = 0-3 bytes, to a multiple of 4
 *
 * So an entry whose key is new costs 12 bytes beside its key and value, and 12
 * for its slot in a leaf (node.ts).
 */

const kindShift = 21;
const seqHighMask = (1 << kindShift) - 1;
const supersedesBit = 1 << 29;
const longValueBit = 1 << 30;
const longValue = 0xffff;
const fixedWords = 3;
const supersededWords = 3;

/** Bytes of the record before its key, told from `meta`. */
function prefaceBytes(meta: number): number {
  if (meta >>> 29 === 0) return 4 * fixedWords;
  const words = fixedWords + (meta >>> 30) + ((meta >>> 29) & 1) * supersededWords;
  return 4 * words;
}

export function recordBytes(keyLength: number, valueLength: number, supersedes: boolean): number {
  let length = 4 * fixedWords + keyLength + valueLength;
  if (valueLength >= longValue) length += 4;
  if (supersedes) length += 4 * supersededWords;
  return (length + 3) & ~3;
}

/** Writes a record at `ref`, which has `recordBytes` of room; `older`, `jump`, `depth` are 0 when the key is new. */
export function writeRecord(
  arenas: Arenas,
  ref: Ref,
  keyBytes: Uint8Array,
  keyStart: number,
  keyEnd: number,
  seq: number,
  kind: EntryKind,
  valueBytes: Uint8Array,
  valueStart: number,
  valueEnd: number,
  older: Ref,
  jump: Ref,
  depth: number,
): void {
  const index = ref >>> arenas.offsetBits;
  const words = arenas.words[index];
  const bytes = arenas.bytes[index];
  let at = ref & arenas.offsetMask;
  const keyLength = keyEnd - keyStart;
  const valueLength = valueEnd - valueStart;
  const seqHigh = Math.floor(seq / 0x1_0000_0000);
  let meta = seqHigh | (kind << kindShift);
  if (valueLength >= longValue) meta |= longValueBit;
  if (older !== noRef) meta |= supersedesBit;
  words[at] = seq - seqHigh * 0x1_0000_0000;
  words[at + 1] = meta;
  words[at + 2] = keyLength | ((valueLength < longValue ? valueLength : longValue) << 16);
  at += fixedWords;
  if (valueLength >= longValue) words[at++] = valueLength;
  if (older !== noRef) {
    words[at] = older;
    words[at + 1] = jump;
    words[at + 2] = depth;
    at += supersededWords;
  }
  copyIn(keyBytes, keyStart, keyEnd, words, bytes, 4 * at);
  copyIn(valueBytes, valueStart, valueEnd, words, bytes, 4 * at + keyLength);
}

/** Points `entry` at the record's key and value. */
export function readRecord(arenas: Arenas, ref: Ref, entry: CursorEntry): void {
  const index = ref >>> arenas.offsetBits;
  const words = arenas.words[index];
  const bytes = arenas.bytes[index];
  const at = ref & arenas.offsetMask;
  const meta = words[at + 1];
  const lengths = words[at + 2];
  let valueLength = lengths >>> 16;
  if (valueLength === longValue) valueLength = words[at + fixedWords];
  const keyStart = 4 * at + prefaceBytes(meta);
  const keyEnd = keyStart + (lengths & 0xffff);
  entry.keyBytes = bytes;
  entry.keyStart = keyStart;
  entry.keyEnd = keyEnd;
  entry.seq = (meta & seqHighMask) * 0x1_0000_0000 + (words[at] >>> 0);
  entry.kind = ((meta >>> kindShift) & 0xff) as EntryKind;
  entry.valueBytes = bytes;
  entry.valueStart = keyEnd;
  entry.valueEnd = keyEnd + valueLength;
}

export function seqOf(arenas: Arenas, ref: Ref): number {
  const words = arenas.words[ref >>> arenas.offsetBits];
  const at = ref & arenas.offsetMask;
  return (words[at + 1] & seqHighMask) * 0x1_0000_0000 + (words[at] >>> 0);
}

function supersededField(arenas: Arenas, ref: Ref, field: 0 | 1 | 2): number {
  const words = arenas.words[ref >>> arenas.offsetBits];
  const at = ref & arenas.offsetMask;
  const meta = words[at + 1];
  if ((meta & supersedesBit) === 0) return 0;
  return words[at + fixedWords + (meta >>> 30) + field];
}

/** The version this one superseded, or `noRef`. */
export function olderOf(arenas: Arenas, ref: Ref): Ref {
  return supersededField(arenas, ref, 0);
}

/** A much older version, or `noRef` when there is none older. */
export function jumpOf(arenas: Arenas, ref: Ref): Ref {
  return supersededField(arenas, ref, 1);
}

/** How many versions are older. */
export function depthOf(arenas: Arenas, ref: Ref): number {
  return supersededField(arenas, ref, 2);
}

export function keyLengthOf(arenas: Arenas, ref: Ref): number {
  return arenas.words[ref >>> arenas.offsetBits][(ref & arenas.offsetMask) + 2] & 0xffff;
}

/** Where the key begins in `arenas.bytes[ref >>> arenas.offsetBits]`. */
export function keyStartOf(arenas: Arenas, ref: Ref): number {
  const at = ref & arenas.offsetMask;
  return 4 * at + prefaceBytes(arenas.words[ref >>> arenas.offsetBits][at + 1]);
}

/**
 * Compares the record's key, from byte `skip` on, with `key[at..end)`, which is
 * the rest of another key after `skip` bytes that both share.
 */
export function compareRecordKey(
  arenas: Arenas,
  ref: Ref,
  skip: number,
  key: Uint8Array,
  at: number,
  end: number,
): number {
  const bytes = arenas.bytes[ref >>> arenas.offsetBits];
  const from = keyStartOf(arenas, ref) + skip;
  const recordLength = keyLengthOf(arenas, ref) - skip;
  const length = end - at;
  const shared = recordLength < length ? recordLength : length;
  for (let i = 0; i < shared; i++) {
    const difference = bytes[from + i] - key[at + i];
    if (difference !== 0) return difference;
  }
  return recordLength - length;
}

/** How many leading bytes the keys of two records share. */
export function sharedKeyLength(arenas: Arenas, a: Ref, b: Ref): number {
  const aBytes = arenas.bytes[a >>> arenas.offsetBits];
  const bBytes = arenas.bytes[b >>> arenas.offsetBits];
  const aStart = keyStartOf(arenas, a);
  const bStart = keyStartOf(arenas, b);
  const length = Math.min(keyLengthOf(arenas, a), keyLengthOf(arenas, b));
  let shared = 0;
  while (shared < length && aBytes[aStart + shared] === bBytes[bStart + shared]) shared++;
  return shared;
}
