import { compareBytes, copyOf, describeKey, emptyBytes } from '../base/bytes.js';
import { corruption, isLsmError, toLsmError, type LsmError } from '../base/errors.js';
import { KeyHash } from '../base/hash.js';
import { compareInternal, kindDelete, maxKeyBytes, maxSeq } from '../base/internal-key.js';
import type { Steps } from '../base/task.js';
import type { File } from '../fs/file-system.js';
import { openBlock } from './block-frame.js';
import { BloomFilter } from './bloom-filter.js';
import { readHead } from './bytes-column.js';
import { DataBlock } from './data-block.js';
import { dataBlockHeaderBytes } from './data-block-writer.js';
import { readFromFile } from './file-steps.js';
import type { BlockHandle } from './format.js';
import type { IndexBlock } from './index-block.js';
import { checkIndexPart } from './index-part.js';
import { decodeIndex, loadDirectory, type TableDirectory } from './table-directory.js';

const maxDamages = 100;

/** What a walk over a whole table found. */
export interface TableVerification {
  /** Data blocks that were read. */
  readonly dataBlocks: number;
  /** Entries in them, tombstones among them. */
  readonly entries: number;
  /** Tombstones among them. */
  readonly tombstones: number;
  /** Each with file and offset, at most 100; empty for a sound table. */
  readonly damages: readonly LsmError[];
  /** Keys that each of `damages` may affect, in the same order; undefined where all of them may be. */
  readonly affected: readonly (AffectedKeys | undefined)[];
}

/** User keys between two, both inclusive. */
export interface AffectedKeys {
  /** The first of them. */
  readonly smallest: Uint8Array;
  /** The last of them. */
  readonly largest: Uint8Array;
}

/**
 * Reads every block from disk again and checks it: checksum, layout, order of
 * entries inside and across blocks, separators, filter, parts of index and filter
 * against their tops, and the counts and bounds in the properties. Damage is
 * collected, a failing disk throws.
 */
export function* verifyTable(
  file: File,
  opened: Pick<TableDirectory, 'size'>,
): Steps<TableVerification> {
  const list = new DamageList(file.path);
  const { damages, affected } = list;
  let directory: TableDirectory;
  try {
    directory = yield* loadDirectory(file, undefined);
  } catch (error) {
    list.add(error);
    return { dataBlocks: 0, entries: 0, tombstones: 0, damages, affected };
  }
  if (directory.size !== opened.size) {
    const end = Math.min(directory.size, opened.size);
    list.add(corruption('the table changed its size', file.path, end));
  }
  const filter = new FilterWalk(file, directory, list);
  const walk = new EntryWalk(file.path, directory, filter);
  const { indexTop: top, properties } = directory;
  let isWhole = true;
  for (let part = 0; part < (top?.count ?? 1); part++) {
    const end = top === undefined ? properties.largest : endOf(top, part, properties.largest);
    try {
      const index = directory.index ?? (yield* loadIndexPart(file, directory, part));
      isWhole = (yield* verifyDataBlocks(file, directory, index, walk, list, end)) && isWhole;
    } catch (error) {
      list.add(error, top && { smallest: top.separatorAt(part), largest: end });
      isWhole = false;
    }
  }
  yield* filter.finish();
  try {
    // After a damaged block the sums cannot be right.
    if (isWhole) walk.checkSums();
  } catch (error) {
    list.add(error);
  }
  const { dataBlocks } = properties;
  return { dataBlocks, entries: walk.entries, tombstones: walk.tombstones, damages, affected };
}

/** Damage found so far; whatever else an error says is thrown. */
class DamageList {
  readonly damages: LsmError[] = [];
  readonly affected: (AffectedKeys | undefined)[] = [];
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  add(error: unknown, keys?: AffectedKeys): void {
    const isDamage =
      isLsmError(error, 'LSM_CORRUPTION') || isLsmError(error, 'LSM_UNSUPPORTED_FORMAT');
    if (!isDamage) throw toLsmError(error, 'verifying a table failed', this.#path);
    if (this.damages.length === maxDamages) return;
    this.damages.push(error);
    this.affected.push(keys);
  }
}

/** What the keys below entry `number` of an index or top are not above. */
function endOf(index: IndexBlock, number: number, end: Uint8Array): Uint8Array {
  return number + 1 < index.count ? index.separatorAt(number + 1) : end;
}

function* loadIndexPart(file: File, directory: TableDirectory, part: number): Steps<IndexBlock> {
  const top = directory.indexTop!;
  const offset = top.offsetAt(part);
  const handle = { offset, size: top.sizeAt(part) };
  const raw = yield* readBlock(file, directory, handle, top.rawLengthAt(part));
  const index = decodeIndex(raw, directory, file.path, offset);
  checkIndexPart(index, top, part, file.path, offset);
  return index;
}

/** False when one of them is damaged. */
function* verifyDataBlocks(
  file: File,
  directory: TableDirectory,
  index: IndexBlock,
  walk: EntryWalk,
  damages: DamageList,
  end: Uint8Array,
): Steps<boolean> {
  let isWhole = true;
  for (let number = 0; number < index.count; number++) {
    const offset = index.offsetAt(number);
    try {
      const handle = { offset, size: index.sizeAt(number) };
      const raw = yield* readBlock(file, directory, handle, index.rawLengthAt(number));
      yield* walk.checkBlock(new DataBlock(raw, file.path, offset), index, number);
    } catch (error) {
      damages.add(error, {
        smallest: index.separatorAt(number),
        largest: endOf(index, number, end),
      });
      isWhole = false;
    }
  }
  return isWhole;
}

/** Reads and opens one block; `rawLength` is what leads to it says, or -1. */
function* readBlock(
  file: File,
  { tableId }: TableDirectory,
  { offset, size }: BlockHandle,
  rawLength: number,
): Steps<Uint8Array> {
  const stored = yield* readFromFile(file, offset, size);
  const raw = openBlock(stored, 0, size, true, tableId, offset, file.path);
  if (rawLength >= 0 && raw.length !== rawLength) {
    throw corruption('block and index disagree on the raw length', file.path, offset);
  }
  return raw;
}

/** The filter, or the part of it for the key at hand, one in memory at a time. */
class FilterWalk {
  readonly #file: File;
  readonly #directory: TableDirectory;
  readonly #damages: DamageList;
  #next = 0;
  /** Keys from this one on need the next part. */
  #border: Uint8Array | undefined = emptyBytes;
  #current: BloomFilter | undefined;

  constructor(file: File, directory: TableDirectory, damages: DamageList) {
    this.#file = file;
    this.#directory = directory;
    this.#damages = damages;
  }

  /** Whether `moveTo` must come before `mayContain` for this key. */
  mustMoveTo(key: Uint8Array): boolean {
    return this.#border !== undefined && compareBytes(key, this.#border) >= 0;
  }

  *moveTo(key: Uint8Array): Steps<void> {
    while (this.mustMoveTo(key)) yield* this.#load();
  }

  /** True also where the filter cannot be read, which is noted already. */
  mayContain(hash: KeyHash): boolean {
    return this.#current === undefined || this.#current.mayContainHash(hash.low, hash.high);
  }

  /** Reads what no key has needed, since it may be damaged too. */
  *finish(): Steps<void> {
    while (this.#border !== undefined) yield* this.#load();
  }

  *#load(): Steps<void> {
    const { filter, filterTop: top } = this.#directory;
    const number = this.#next++;
    const isLast = top === undefined || this.#next === top.count;
    this.#border = isLast ? undefined : top.separatorAt(this.#next);
    this.#current = undefined;
    if (top === undefined && filter === undefined) return;
    const handle =
      top === undefined ? filter! : { offset: top.offsetAt(number), size: top.sizeAt(number) };
    const rawLength = top?.rawLengthAt(number) ?? -1;
    try {
      const raw = yield* readBlock(this.#file, this.#directory, handle, rawLength);
      this.#current = BloomFilter.fromBytes(raw, this.#file.path, handle.offset);
    } catch (error) {
      const { largest } = this.#directory.properties;
      this.#damages.add(
        error,
        top && { smallest: top.separatorAt(number), largest: endOf(top, number, largest) },
      );
    }
  }
}

/** Follows the entries from block to block. */
class EntryWalk {
  entries = 0;
  tombstones = 0;
  readonly #path: string;
  readonly #directory: TableDirectory;
  readonly #filter: FilterWalk;
  readonly #hash = new KeyHash();
  #dataBlocks = 0;
  #superseded = 0;
  #rawBytes = 0;
  #smallestSeq = maxSeq;
  #largestSeq = 0;
  #smallest = emptyBytes;
  #lastKey: Uint8Array = emptyBytes;
  #lastSeq = 0;

  constructor(path: string, directory: TableDirectory, filter: FilterWalk) {
    this.#path = path;
    this.#directory = directory;
    this.#filter = filter;
  }

  *checkBlock(block: DataBlock, index: IndexBlock, number: number): Steps<void> {
    this.#dataBlocks++;
    const offset = index.offsetAt(number);
    const separator = index.separatorAt(number);
    const separatorSeq = index.seqAt(number);
    for (let at = 0; at < block.count; at++) {
      const key = keyAt(block, at);
      const seq = block.seqAt(at);
      if (at === 0) {
        const isInOrder =
          (this.entries === 0 || isAfter(separator, separatorSeq, this.#lastKey, this.#lastSeq)) &&
          !isAfter(separator, separatorSeq, key, seq);
        if (!isInOrder) throw corruption('separator is not between two blocks', this.#path, offset);
      }
      if (this.#filter.mustMoveTo(key)) yield* this.#filter.moveTo(key);
      this.#checkEntry(block, at, key, seq, offset);
    }
  }

  checkSums(): void {
    const { properties, propertiesHandle } = this.#directory;
    const isEmpty = this.entries === 0;
    const agrees =
      properties.dataBlocks === this.#dataBlocks &&
      properties.entries === this.entries &&
      properties.tombstones === this.tombstones &&
      properties.superseded === this.#superseded &&
      properties.rawBytes === this.#rawBytes &&
      properties.smallestSeq === (isEmpty ? 0 : this.#smallestSeq) &&
      properties.largestSeq === this.#largestSeq &&
      compareBytes(properties.smallest, this.#smallest) === 0 &&
      compareBytes(properties.largest, this.#lastKey) === 0;
    if (!agrees) {
      throw corruption('properties and entries disagree', this.#path, propertiesHandle.offset);
    }
  }

  #checkEntry(block: DataBlock, at: number, key: Uint8Array, seq: number, offset: number): void {
    const fail = (what: string): Error =>
      corruption(`data block: ${what} at key ${describeKey(key)}`, this.#path, offset);
    if (this.entries > 0 && !isAfter(key, seq, this.#lastKey, this.#lastSeq)) {
      throw fail('entries out of order');
    }
    if (key.length > maxKeyBytes) throw fail('key too long');
    const head = readHead(key, block.prefixLength, key.length);
    if (block.words[block.heads + at] !== head) throw fail('wrong key head');
    const isNewKey = this.entries === 0 || compareBytes(key, this.#lastKey) !== 0;
    if (isNewKey) {
      this.#hash.compute(key, 0, key.length);
      if (!this.#filter.mayContain(this.#hash)) throw fail('the filter does not know the key');
    }
    if (this.entries === 0) this.#smallest = key;
    if (!isNewKey) this.#superseded++;
    if (block.kindAt(at) === kindDelete) this.tombstones++;
    this.entries++;
    const values = block.bounds + block.count + at;
    this.#rawBytes += key.length + block.words[values + 1] - block.words[values];
    this.#smallestSeq = Math.min(this.#smallestSeq, seq);
    this.#largestSeq = Math.max(this.#largestSeq, seq);
    this.#lastKey = key;
    this.#lastSeq = seq;
  }
}

function isAfter(key: Uint8Array, seq: number, before: Uint8Array, beforeSeq: number): boolean {
  return compareInternal(key, 0, key.length, seq, before, 0, before.length, beforeSeq) > 0;
}

/** A copy of the user key of entry `at`. */
function keyAt(block: DataBlock, at: number): Uint8Array {
  const start = block.words[block.bounds + at];
  const end = block.words[block.bounds + at + 1];
  const key = new Uint8Array(block.prefixLength + end - start);
  key.set(copyOf(block.bytes, dataBlockHeaderBytes, dataBlockHeaderBytes + block.prefixLength));
  key.set(block.bytes.subarray(start, end), block.prefixLength);
  return key;
}
