import { open, type Database, type OpenOptions } from '../index.js';
import type {
  BenchDriver,
  BenchKey,
  BenchOpenOptions,
  BenchRange,
  BenchStore,
  BenchVisit,
} from './store.js';

/** This library, with its defaults but for the sizes that every store is given alike. */
export const noriDriver: BenchDriver = {
  name: 'nori-lsm',
  version: '',
  bytes: 'view',
  loadBatch: 1000,
  acknowledgement: { os: 'handed to the OS', disk: 'fdatasync' },
  settings: 'defaults; blockCacheBytes and memtableBytes as said; chained batches, entriesSync',
  async open(options: BenchOpenOptions): Promise<BenchStore> {
    return openNori(options);
  },
};

/** As `noriDriver.open`, with further options of the database. */
export async function openNori(
  options: BenchOpenOptions,
  more: OpenOptions = {},
): Promise<BenchStore> {
  const { directory, kind, durability, cacheBytes, writeBufferBytes } = options;
  const db = await open(directory, {
    durability,
    blockCacheBytes: cacheBytes,
    memtableBytes: writeBufferBytes,
    keyEncoding: kind === 'bytes' ? 'view' : 'utf8',
    valueEncoding: kind === 'bytes' ? 'view' : kind,
    ...more,
  });
  // One type for all kinds: what goes in is what the encodings take.
  return new NoriStore(db as unknown as Database<BenchKey, unknown>);
}

class NoriStore implements BenchStore {
  readonly #db: Database<BenchKey, unknown>;

  constructor(db: Database<BenchKey, unknown>) {
    this.#db = db;
  }

  batch(
    keys: readonly BenchKey[],
    values: readonly unknown[],
    from: number,
    to: number,
  ): Promise<void> {
    const batch = this.#db.batch();
    for (let i = from; i < to; i++) batch.put(keys[i], values[i]);
    return batch.commit();
  }

  put(key: BenchKey, value: unknown): Promise<void> {
    return this.#db.put(key, value);
  }

  putSync(key: BenchKey, value: unknown): void {
    this.#db.putSync(key, value);
  }

  deleteBatch(keys: readonly BenchKey[], from: number, to: number): Promise<void> {
    const batch = this.#db.batch();
    for (let i = from; i < to; i++) batch.delete(keys[i]);
    return batch.commit();
  }

  get(key: BenchKey): unknown {
    return this.#db.get(key);
  }

  getSync(key: BenchKey): unknown {
    return this.#db.getSync(key);
  }

  getMany(keys: readonly BenchKey[]): Promise<unknown[]> {
    return this.#db.getMany(keys);
  }

  getManySync(keys: readonly BenchKey[]): unknown[] {
    return this.#db.getManySync(keys);
  }

  scan(range: BenchRange, visit: BenchVisit): undefined {
    const { from, isReverse, limit } = range;
    for (const [key, value] of this.#db.entriesSync({ gte: from, reverse: isReverse, limit })) {
      if (!visit(key, value)) break;
    }
  }

  /** Nothing runs, and nothing is about to: asked several times, as one job may lead to the next. */
  async settle(): Promise<void> {
    for (let quietLooks = 0; quietLooks < 4;) {
      await new Promise((resolve) => setTimeout(resolve, 25));
      const { background } = this.#db.stats();
      quietLooks = background.running.length > 0 ? 0 : quietLooks + 1;
    }
  }

  close(): Promise<void> {
    return this.#db.close();
  }
}
