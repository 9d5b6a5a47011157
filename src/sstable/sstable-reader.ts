import { compareBytes } from '../base/bytes.js';
import type { Entry } from '../base/entry.js';
import { LsmError } from '../base/errors.js';
import { KeyHash } from '../base/hash.js';
import { maxSeq } from '../base/internal-key.js';
import type { CachePriority } from '../base/table-meta.js';
import { runAsync } from '../base/task.js';
import { CursorEntry } from '../iterator/cursor.js';
import type { FileSystem } from '../fs/file-system.js';
import { nodeFileSystem } from '../fs/node-file-system.js';
import { BlockCache } from './block-cache.js';
import { BlockRequest } from './block-request.js';
import { ByteSlab } from '../base/byte-slab.js';
import { loadCodecs } from './codecs.js';
import { keyBytesOf, SSTableIterator, type SSTableRange } from './sstable-iterator.js';
import { describeTable, type SSTableMetadata } from './sstable-metadata.js';
import { lookupFound, lookupNeedsBlock, TableReader } from './table-reader.js';
import type { TableVerification } from './table-verification.js';

const defaultCacheBytes = 8 * 2 ** 20;

/** What `SSTableReader.open` takes besides the path. */
export interface SSTableReaderOptions {
  /** Keeps decoded blocks; one cache serves any number of tables. Default: one of 8 MiB for this table. */
  readonly blockCache?: BlockCache;
  /** How long this table's blocks stay: `high`, `normal` (default), `none`. */
  readonly cachePriority?: CachePriority;
  /** Default: Node's. */
  readonly fs?: FileSystem;
}

/** What `SSTableReader.get` takes besides the key. */
export interface SSTableGetOptions {
  /** The newest version at or below this sequence number. Default: the newest. */
  readonly seq?: number;
}

/** Entries of a range, read anew by each loop over it. */
export interface SSTableEntries extends AsyncIterable<Entry>, Iterable<Entry> {}

/** Reads a table that `SSTableBuilder` or the engine wrote. */
export class SSTableReader implements SSTableEntries {
  /** What the table says about itself. */
  readonly metadata: SSTableMetadata;
  readonly #table: TableReader;
  readonly #slab = new ByteSlab();
  #isClosed = false;
  // What synchronous lookups use again and again.
  readonly #hash = new KeyHash();
  readonly #found = new CursorEntry();
  readonly #request = new BlockRequest();

  private constructor(table: TableReader) {
    this.#table = table;
    this.metadata = describeTable(table.path, table, table.properties.rawBytes);
  }

  /**
   * Reads the table's directory and index.
   * @throws LsmError `LSM_NOT_FOUND`, `LSM_CORRUPTION`, `LSM_UNSUPPORTED_FORMAT`, `LSM_TOO_MANY_FILES`, `LSM_IO`
   */
  static async open(path: string, options: SSTableReaderOptions = {}): Promise<SSTableReader> {
    await loadCodecs();
    const {
      fs = nodeFileSystem,
      blockCache = new BlockCache({ capacityBytes: defaultCacheBytes }),
      cachePriority = 'normal',
    } = options;
    return new SSTableReader(
      await runAsync(TableReader.open({ fs, path, blockCache, cachePriority })),
    );
  }

  /** Whether `key` lies between the smallest and the largest key; if not, it is not in the table. */
  keyRangeContains(key: string | Uint8Array): boolean {
    const { smallest, largest } = this.metadata;
    if (smallest === undefined || largest === undefined) return false;
    const bytes = keyBytesOf(key);
    return compareBytes(bytes, smallest) >= 0 && compareBytes(bytes, largest) <= 0;
  }

  /**
   * The newest version of `key`, or undefined. A deletion is an answer too: an
   * entry of kind `kindDelete` hides older tables' values of that key.
   * @throws LsmError `LSM_CORRUPTION`, `LSM_IO`, `LSM_CLOSED`
   */
  async get(key: string | Uint8Array, options: SSTableGetOptions = {}): Promise<Entry | undefined> {
    this.#checkOpen();
    const table = this.#table;
    const bytes = keyBytesOf(key);
    const { seq = maxSeq } = options;
    this.#hash.compute(bytes, 0, bytes.length);
    let status = table.get(bytes, this.#hash, seq, this.#found, this.#request);
    while (status === lookupNeedsBlock && this.#request.isExpectedFast) {
      this.#request.waitSync();
      status = table.get(bytes, this.#hash, seq, this.#found, this.#request);
    }
    if (status !== lookupNeedsBlock) return this.#answer(status, bytes, this.#found);
    return this.#getSlowly(bytes.slice(), seq);
  }

  /** As `get`; reads blocks that are missing before it returns. */
  getSync(key: string | Uint8Array, options: SSTableGetOptions = {}): Entry | undefined {
    this.#checkOpen();
    const bytes = keyBytesOf(key);
    const { seq = maxSeq } = options;
    this.#hash.compute(bytes, 0, bytes.length);
    for (;;) {
      const status = this.#table.get(bytes, this.#hash, seq, this.#found, this.#request);
      if (status !== lookupNeedsBlock) return this.#answer(status, bytes, this.#found);
      this.#request.waitSync();
    }
  }

  /** The entries of a range: `for await (const entry of reader.entries({ gte: 'a', lt: 'b' }))`, or plain `for`. */
  entries(range: SSTableRange = {}): SSTableEntries {
    return {
      [Symbol.iterator]: () => this.#iterateSync(range),
      [Symbol.asyncIterator]: () => this.#iterate(range),
    };
  }

  /** An iterator that can seek; it must be closed. */
  iterator(range: SSTableRange = {}): SSTableIterator {
    this.#checkOpen();
    return new SSTableIterator((bounds) => this.#table.cursor(bounds), range);
  }

  /** All entries, for `for await`. */
  [Symbol.asyncIterator](): AsyncGenerator<Entry, void, void> {
    return this.#iterate({});
  }

  /** All entries, for `for`: missing blocks are read synchronously. */
  [Symbol.iterator](): Generator<Entry, void, void> {
    return this.#iterateSync({});
  }

  /** Reads the whole file and lists the damage found; a sound table gives none. */
  async verify(): Promise<TableVerification> {
    this.#checkOpen();
    this.#table.acquire();
    try {
      return await runAsync(this.#table.verify());
    } finally {
      this.#table.release();
    }
  }

  /** Closes the file as soon as no iterator is open. Closing twice is fine. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await runAsync(this.#table.close());
  }

  async #getSlowly(key: Uint8Array, seq: number): Promise<Entry | undefined> {
    const table = this.#table;
    const hash = new KeyHash();
    hash.compute(key, 0, key.length);
    const request = new BlockRequest();
    const found = new CursorEntry();
    table.acquire();
    try {
      for (;;) {
        const status = table.get(key, hash, seq, found, request);
        if (status !== lookupNeedsBlock) return this.#answer(status, key, found);
        await request.wait();
      }
    } finally {
      table.release();
    }
  }

  async *#iterate(range: SSTableRange): AsyncGenerator<Entry, void, void> {
    const iterator = this.iterator(range);
    try {
      for (;;) {
        const entry = await iterator.next();
        if (entry === undefined) return;
        yield entry;
      }
    } finally {
      iterator.close();
    }
  }

  *#iterateSync(range: SSTableRange): Generator<Entry, void, void> {
    const iterator = this.iterator(range);
    try {
      for (;;) {
        const entry = iterator.nextSync();
        if (entry === undefined) return;
        yield entry;
      }
    } finally {
      iterator.close();
    }
  }

  #answer(status: number, key: Uint8Array, found: CursorEntry): Entry | undefined {
    if (status !== lookupFound) return undefined;
    return {
      key: this.#slab.copy(key, 0, key.length),
      seq: found.seq,
      kind: found.kind,
      value: this.#slab.copy(found.valueBytes, found.valueStart, found.valueEnd),
    };
  }

  #checkOpen(): void {
    if (this.#isClosed) {
      throw new LsmError('LSM_CLOSED', 'the table is closed', { file: this.#table.path });
    }
  }
}
