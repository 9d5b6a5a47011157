import { compareBytes, copyOf, describeKey, emptyBytes } from '../base/bytes.js';
import { corruption, isLsmError, toLsmError, type LsmError } from '../base/errors.js';
import { KeyHash } from '../base/hash.js';
import { compareInternal, kindDelete, maxKeyBytes, maxSeq } from '../base/internal-key.js';
import type { Steps } from '../base/task.js';
import type { File } from '../fs/file-system.js';
import { openBlock } from './block-frame.js';
import type { BloomFilter } from './bloom-filter.js';
import { readHead } from './bytes-column.js';
import { DataBlock } from './data-block.js';
import { dataBlockHeaderBytes } from './data-block-writer.js';
import { readFromFile } from './file-steps.js';
import { loadDirectory, readFilter, type TableDirectory } from './table-directory.js';

const maxDamages = 100;

/** What a walk over a whole table found. */
export interface TableVerification {
  readonly dataBlocks: number;
  readonly entries: number;
  readonly tombstones: number;
  /** Each with file and offset, at most 100; empty for a sound table. */
  readonly damages: readonly LsmError[];
}

/**
 * Reads every block from disk again and checks it: checksum, layout, order of
 * entries inside and across blocks, separators, filter, and the counts and
 * bounds in the properties. Damage is collected, a failing disk throws.
 */
export function* verifyTable(
  file: File,
  opened: Pick<TableDirectory, 'size'>,
): Steps<TableVerification> {
  const damages: LsmError[] = [];
  let directory: TableDirectory;
  try {
    directory = yield* loadDirectory(file, undefined);
  } catch (error) {
    note(damages, error, file.path);
    return { dataBlocks: 0, entries: 0, tombstones: 0, damages };
  }
  if (directory.size !== opened.size) {
    note(damages, corruption('the table changed its size', file.path), file.path);
  }
  const filter = yield* verifyFilter(file, directory, damages);
  const walk = new EntryWalk(file.path, directory, filter);
  const { index } = directory;
  let isWhole = true;
  for (let number = 0; number < index.count; number++) {
    const offset = index.offsetAt(number);
    const size = index.sizeAt(number);
    try {
      const stored = yield* readFromFile(file, offset, size);
      const raw = openBlock(stored, 0, size, true, directory.tableId, offset, file.path);
      if (raw.length !== index.rawLengthAt(number)) {
        throw corruption('block and index disagree on the raw length', file.path, offset);
      }
      walk.checkBlock(new DataBlock(raw, file.path, offset), number);
    } catch (error) {
      note(damages, error, file.path);
      isWhole = false;
    }
  }
  try {
    // After a damaged block the sums cannot be right.
    if (isWhole) walk.checkSums();
  } catch (error) {
    note(damages, error, file.path);
  }
  return { dataBlocks: index.count, entries: walk.entries, tombstones: walk.tombstones, damages };
}

function* verifyFilter(
  file: File,
  directory: TableDirectory,
  damages: LsmError[],
): Steps<BloomFilter | undefined> {
  if (directory.filter === undefined) return undefined;
  const { offset, size } = directory.filter;
  try {
    const stored = yield* readFromFile(file, offset, size);
    return readFilter(stored, directory, file.path);
  } catch (error) {
    note(damages, error, file.path);
    return undefined;
  }
}

function note(damages: LsmError[], error: unknown, path: string): void {
  const isDamage =
    isLsmError(error, 'LSM_CORRUPTION') || isLsmError(error, 'LSM_UNSUPPORTED_FORMAT');
  if (!isDamage) throw toLsmError(error, 'verifying a table failed', path);
  if (damages.length < maxDamages) damages.push(error);
}

/** Follows the entries from block to block. */
class EntryWalk {
  entries = 0;
  tombstones = 0;
  readonly #path: string;
  readonly #directory: TableDirectory;
  readonly #filter: BloomFilter | undefined;
  readonly #hash = new KeyHash();
  #superseded = 0;
  #rawBytes = 0;
  #smallestSeq = maxSeq;
  #largestSeq = 0;
  #smallest = emptyBytes;
  #lastKey: Uint8Array = emptyBytes;
  #lastSeq = 0;

  constructor(path: string, directory: TableDirectory, filter: BloomFilter | undefined) {
    this.#path = path;
    this.#directory = directory;
    this.#filter = filter;
  }

  checkBlock(block: DataBlock, number: number): void {
    const { index } = this.#directory;
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
      this.#checkEntry(block, at, key, seq, offset);
    }
  }

  checkSums(): void {
    const { properties, propertiesHandle } = this.#directory;
    const isEmpty = this.entries === 0;
    const agrees =
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
    if (this.#filter !== undefined && isNewKey) {
      this.#hash.compute(key, 0, key.length);
      if (!this.#filter.mayContainHash(this.#hash.low, this.#hash.high)) {
        throw fail('the filter does not know the key');
      }
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
