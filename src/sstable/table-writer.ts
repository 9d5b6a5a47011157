import { copyOf, copyRange, describeKey, emptyBytes } from '../base/bytes.js';
import type { FileId } from '../base/checksum.js';
import { invalidArgument, LsmError, toLsmError } from '../base/errors.js';
import { encodeFileHeader } from '../base/file-header.js';
import { KeyHash } from '../base/hash.js';
import {
  kindDelete,
  kindPut,
  maxKeyBytes,
  maxSeq,
  maxValueBytes,
  type EntryKind,
} from '../base/internal-key.js';
import type { TableMeta, TableSettings } from '../base/table-meta.js';
import type { Steps, Waitable } from '../base/task.js';
import type { File, FileSystem } from '../fs/file-system.js';
import { appendBlock, sealBlock } from './block-frame.js';
import { grown } from './bytes-column.js';
import { codecIds, codecNamed, type Codec } from './codecs.js';
import { DataBlockWriter, referencedValueBytes } from './data-block-writer.js';
import { closing, createFile, cutting, removing, syncing } from './file-steps.js';
import { FilterWriter } from './filter-writer.js';
import { blockTrailerBytes, firstBlockOffset, maxCompressibleBytes } from './format.js';
import { IndexWriter } from './index-writer.js';
import type { TableProperties } from './properties.js';
import { defaultTableLayout, type TableLayout } from './table-layout.js';
import { TableOutput } from './table-output.js';
import { TailWriter, type TailProperties } from './tail-writer.js';

const createdBy = 'nori-lsm 0.1';
/** The writer keeps the index until the table is finished: some 60 million blocks. */
const maxIndexBytes = 2 ** 31;

export interface TableWriterOptions {
  readonly fs: FileSystem;
  readonly path: string;
  readonly settings: TableSettings;
  readonly databaseId: FileId;
  readonly tableId: FileId;
  readonly keyspaceId: number;
  readonly keyspaceName: string;
  readonly level: number;
  readonly flushedSeq: number;
  /** Only handed on to the resulting `TableMeta`. Default 0, a standalone table. */
  readonly fileNumber?: number;
  /** When index and filter are split. Tests make small tables of the large form. */
  readonly layout?: TableLayout;
}

/**
 * Writes one table. Entries come in internal order (key ascending, then seq
 * descending) through `add`, which never waits: whenever `needsDrain` is true,
 * `drain()` must be waited on before the next `add`. After an error the writer
 * is good for `abandon` only.
 *
 * Memory: about 2 MiB, the index (some 40 bytes per block), and 8 bytes per key for
 * the filter, which is sized when the number of keys is known; from 512 KiB of
 * filter on, its bits.
 */
export class TableWriter {
  readonly #options: TableWriterOptions;
  readonly #file: File;
  readonly #output: TableOutput;
  readonly #codec: Codec | undefined;
  readonly #block = new DataBlockWriter();
  readonly #index: IndexWriter;
  readonly #filter: FilterWriter | undefined;
  readonly #hash = new KeyHash();
  #raw = emptyBytes;
  /** The key added last; separators and order checks need it beyond its block. */
  #lastKey = new Uint8Array(256);
  #lastKeyLength = 0;
  #lastSeq = 0;
  /** Separator of the block being filled: the first bytes of its first key. */
  #separator = new Uint8Array(256);
  #separatorLength = 0;
  #separatorSeq = maxSeq;
  #smallest: Uint8Array = emptyBytes;
  #entries = 0;
  #tombstones = 0;
  #superseded = 0;
  #rawBytes = 0;
  #smallestSeq = maxSeq;
  #largestSeq = 0;

  private constructor(options: TableWriterOptions, file: File) {
    this.#options = options;
    this.#file = file;
    this.#output = new TableOutput(file);
    const { settings, layout = defaultTableLayout } = options;
    this.#codec = codecNamed(settings.compression);
    this.#index = new IndexWriter(layout);
    const { bloomBitsPerKey } = settings;
    if (bloomBitsPerKey > 0) this.#filter = new FilterWriter(bloomBitsPerKey, layout);
    this.#output.append(
      encodeFileHeader({
        kind: 'table',
        fileId: options.tableId,
        databaseId: options.databaseId,
      }),
    );
  }

  /**
   * Creates the file, or empties the one that is there.
   * @throws LsmError `LSM_IO`, `LSM_NO_SPACE`, `LSM_TOO_MANY_FILES`
   */
  static *create(options: TableWriterOptions): Steps<TableWriter> {
    return new TableWriter(options, yield* createFile(options.fs, options.path));
  }

  get entries(): number {
    return this.#entries;
  }

  /** Bytes the file has so far, with the block being filled as if it did not compress. */
  get estimatedBytes(): number {
    return this.#output.offset + (this.#block.count === 0 ? 0 : this.#block.rawBytes);
  }

  get needsDrain(): boolean {
    return this.#output.needsDrain;
  }

  /** Writes what has gathered (1 MiB and more). */
  drain(): Waitable {
    return this.#output.drain();
  }

  /**
   * Adds one entry; its bytes are copied before the call returns.
   * @throws LsmError `LSM_INVALID_ARGUMENT` when it does not come after the one before,
   * `LSM_TOO_LARGE` for a key above 65,535 bytes, a value above 256 MiB or a table
   * of too many blocks; nothing has changed then.
   */
  add(
    keyBytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    seq: number,
    kind: EntryKind,
    valueBytes: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): void {
    const keyLength = keyEnd - keyStart;
    const valueLength = valueEnd - valueStart;
    if (keyLength > maxKeyBytes || valueLength > maxValueBytes)
      throw tooLarge(keyLength, valueLength);
    if (
      !(seq >= 0 && seq <= maxSeq) ||
      kind > kindDelete ||
      (kind !== kindPut && valueLength > 0)
    ) {
      throw invalidArgument(
        `impossible entry: seq ${seq}, kind ${kind}, ${valueLength} value bytes`,
      );
    }
    const shared = this.#sharedWithLast(keyBytes, keyStart, keyLength);
    const isSameKey = this.#checkOrder(keyBytes, keyStart, keyLength, shared, seq);
    if (valueLength >= referencedValueBytes && this.#block.count > 0) this.#cutBlock();
    if (this.#block.count === 0) {
      this.#beginBlock(keyBytes, keyStart, keyLength, shared, isSameKey, seq);
    }
    this.#block.add(keyBytes, keyStart, keyEnd, seq, kind, valueBytes, valueStart, valueEnd);
    this.#rememberKey(keyBytes, keyStart, keyEnd, shared);
    this.#lastSeq = seq;
    if (isSameKey) this.#superseded++;
    else if (this.#filter !== undefined) {
      this.#hash.compute(keyBytes, keyStart, keyEnd);
      const separatorEnd = this.#entries === 0 ? keyEnd : keyStart + shared + 1;
      this.#filter.add(this.#hash.low, this.#hash.high, keyBytes, keyStart, separatorEnd);
    }
    if (this.#entries++ === 0) this.#smallest = copyOf(keyBytes, keyStart, keyEnd);
    if (kind === kindDelete) this.#tombstones++;
    this.#rawBytes += keyLength + valueLength;
    if (seq < this.#smallestSeq) this.#smallestSeq = seq;
    if (seq > this.#largestSeq) this.#largestSeq = seq;
    if (
      valueLength >= referencedValueBytes ||
      this.#block.rawBytes >= this.#options.settings.blockSizeBytes
    ) {
      this.#cutBlock();
    }
  }

  /** Writes the rest, syncs and closes the file. The directory's sync is the caller's. */
  *finish(): Steps<TableMeta> {
    if (this.#block.count > 0) this.#cutBlock();
    const output = this.#output;
    const storedBytes = output.offset - firstBlockOffset;
    const tail = new TailWriter(output, this.#codec, this.#options.tableId);
    const parts = yield* tail.writeFilterAndIndex(this.#filter, this.#index);
    const checksum = tail.writeEnd(this.#properties(storedBytes, parts));
    try {
      yield output.drain();
      yield cutting(this.#file, output.offset);
      yield syncing(this.#file);
      yield closing(this.#file);
    } catch (error) {
      throw toLsmError(error, 'writing a table failed', this.#options.path);
    }
    output.release();
    return this.#meta(checksum);
  }

  /** Closes and removes the file. Right after any error, and after a `finish` that failed. */
  *abandon(): Steps<void> {
    try {
      yield closing(this.#file);
    } catch {
      // Closing reports late write errors; the file goes away whatever they are.
    }
    yield removing(this.#options.fs, this.#options.path);
  }

  /** Length of the prefix shared with the key before. */
  #sharedWithLast(keyBytes: Uint8Array, keyStart: number, keyLength: number): number {
    const last = this.#lastKey;
    const shorter = Math.min(this.#lastKeyLength, keyLength);
    let shared = 0;
    while (shared < shorter && last[shared] === keyBytes[keyStart + shared]) shared++;
    return shared;
  }

  /** Whether the entry has the key of the one before. */
  #checkOrder(
    keyBytes: Uint8Array,
    keyStart: number,
    keyLength: number,
    shared: number,
    seq: number,
  ): boolean {
    if (this.#entries === 0) return false;
    const last = this.#lastKeyLength;
    if (shared === last && shared === keyLength) {
      if (seq < this.#lastSeq) return true;
    } else if (
      shared === last ||
      (shared < keyLength && keyBytes[keyStart + shared] > this.#lastKey[shared])
    ) {
      return false;
    }
    const key = describeKey(copyOf(keyBytes, keyStart, keyStart + keyLength));
    const before = describeKey(copyOf(this.#lastKey, 0, last));
    throw invalidArgument(
      `entries must come in key order, newest version first: ${key} (seq ${seq}) after ${before} (seq ${this.#lastSeq})`,
    );
  }

  #beginBlock(
    keyBytes: Uint8Array,
    keyStart: number,
    keyLength: number,
    shared: number,
    isSameKey: boolean,
    seq: number,
  ): void {
    if (this.#index.rawBytes > maxIndexBytes) {
      throw new LsmError(
        'LSM_TOO_LARGE',
        `the table has ${this.#index.count} blocks and its index is full; use larger blocks`,
        { file: this.#options.path },
      );
    }
    this.#separatorLength = this.#entries === 0 || isSameKey ? keyLength : shared + 1;
    this.#separatorSeq = isSameKey ? seq : maxSeq;
    this.#separator = grown(this.#separator, this.#separatorLength);
    copyRange(keyBytes, keyStart, keyStart + this.#separatorLength, this.#separator, 0);
  }

  #cutBlock(): void {
    const block = this.#block;
    const rawLength = block.measure();
    const offset = this.#output.offset;
    let size: number;
    if (this.#codec === undefined || rawLength > maxCompressibleBytes) {
      const at = this.#output.reserve(rawLength + blockTrailerBytes);
      block.build(this.#output.bytes, at);
      const tableId = this.#options.tableId;
      size = sealBlock(this.#output, at, rawLength, codecIds.none, rawLength, tableId);
    } else {
      if (this.#raw.length < rawLength) this.#raw = new Uint8Array(rawLength * 1.25);
      block.build(this.#raw, 0);
      size = appendBlock(this.#output, this.#raw, rawLength, this.#codec, this.#options.tableId);
      // One long value must not hold its memory until the table is finished.
      if (this.#raw.length > 2 ** 21) this.#raw = emptyBytes;
    }
    block.clear();
    const separator = this.#separator;
    const length = this.#separatorLength;
    this.#index.add(separator, 0, length, this.#separatorSeq, offset, size, rawLength);
  }

  #rememberKey(keyBytes: Uint8Array, keyStart: number, keyEnd: number, shared: number): void {
    this.#lastKeyLength = keyEnd - keyStart;
    this.#lastKey = grown(this.#lastKey, this.#lastKeyLength);
    copyRange(keyBytes, keyStart + shared, keyEnd, this.#lastKey, shared);
  }

  get #largest(): Uint8Array {
    return copyOf(this.#lastKey, 0, this.#lastKeyLength);
  }

  #properties(storedBytes: number, parts: TailProperties): TableProperties {
    const { settings, keyspaceId, keyspaceName, level, flushedSeq } = this.#options;
    const isEmpty = this.#entries === 0;
    return {
      keyspaceId,
      keyspaceName,
      level,
      flushedSeq,
      entries: this.#entries,
      tombstones: this.#tombstones,
      superseded: this.#superseded,
      dataBlocks: this.#index.count,
      rawBytes: this.#rawBytes,
      storedBytes,
      smallest: this.#smallest,
      largest: this.#largest,
      smallestSeq: isEmpty ? 0 : this.#smallestSeq,
      largestSeq: this.#largestSeq,
      ...parts,
      codecId: codecIds[settings.compression],
      blockSizeBytes: settings.blockSizeBytes,
      createdBy,
    };
  }

  #meta(checksum: number): TableMeta {
    const { keyspaceId, level, fileNumber = 0, tableId } = this.#options;
    return {
      keyspaceId,
      level,
      run: 0,
      fileNumber,
      tableId,
      size: this.#output.offset,
      checksum,
      smallest: this.#smallest,
      largest: this.#largest,
      smallestSeq: this.#entries === 0 ? 0 : this.#smallestSeq,
      largestSeq: this.#largestSeq,
      entries: this.#entries,
      tombstones: this.#tombstones,
      superseded: this.#superseded,
      rawBytes: this.#rawBytes,
    };
  }
}

function tooLarge(keyLength: number, valueLength: number): LsmError {
  const what =
    keyLength > maxKeyBytes
      ? `key of ${keyLength} bytes, at most ${maxKeyBytes} are possible`
      : `value of ${valueLength} bytes, at most ${maxValueBytes} are possible`;
  return new LsmError('LSM_TOO_LARGE', what);
}
