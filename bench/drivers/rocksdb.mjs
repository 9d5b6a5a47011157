import { RocksLevel } from '@nxtedition/rocksdb';
import { pause } from './pause.mjs';
import { versionOf } from './version.mjs';

export const driver = {
  name: '@nxtedition/rocksdb',
  version: versionOf('@nxtedition/rocksdb'),
  bytes: 'buffer',
  loadBatch: 1000,
  acknowledgement: { os: 'handed to the OS', disk: 'synced (sync: true)' },
  settings:
    'cacheSize as all; its write buffer (64 MiB) cannot be set; chained batches; nextv(1000) for walks, querySync for ranges; it has no getSync',
  async open({ directory, kind, durability, cacheBytes }) {
    const db = new RocksLevel(directory, {
      keyEncoding: kind === 'bytes' ? 'buffer' : 'utf8',
      valueEncoding: kind === 'bytes' ? 'buffer' : kind,
      createIfMissing: true,
      cacheSize: cacheBytes,
    });
    await db.open();
    return new NxtStore(db, { sync: durability === 'disk' }, kind === 'bytes');
  },
};

class NxtStore {
  #db;
  #writing;
  #isBytes;

  constructor(db, writing, isBytes) {
    this.#db = db;
    this.#writing = writing;
    this.#isBytes = isBytes;
  }

  batch(keys, values, from, to) {
    const batch = this.#db.batch();
    for (let i = from; i < to; i++) batch.put(keys[i], values[i]);
    return batch.write(this.#writing);
  }

  /** Its put does not heed `sync`; the write of a batch does. */
  put(key, value) {
    return this.#db.batch().put(key, value).write(this.#writing);
  }

  deleteBatch(keys, from, to) {
    const batch = this.#db.batch();
    for (let i = from; i < to; i++) batch.del(keys[i]);
    return batch.write(this.#writing);
  }

  /** Rejects where a key is absent, which no workload asks it for. */
  get(key) {
    return this.#db.get(key);
  }

  getMany(keys) {
    return this.#db.getMany(keys);
  }

  scan(range, visit) {
    return this.#isBytes && range.limit <= 100
      ? this.#query(range, visit)
      : this.#walk(range, visit);
  }

  #query({ from, isReverse, limit }, visit) {
    const { rows } = this.#db.querySync({ ...asBuffers, gte: from, reverse: isReverse, limit });
    for (let i = 0; i < rows.length; i += 2) if (!visit(rows[i], rows[i + 1])) break;
  }

  async #walk({ from, isReverse, limit }, visit) {
    const range = { reverse: isReverse, limit: limit === Infinity ? -1 : limit };
    if (from !== undefined) range.gte = from;
    const iterator = this.#db.iterator(range);
    walk: for (;;) {
      const entries = await iterator.nextv(Math.min(limit, 1000));
      if (entries.length === 0) break;
      for (const [key, value] of entries) if (!visit(key, value)) break walk;
    }
    await iterator.close();
  }

  settle() {
    return pause();
  }

  close() {
    return this.#db.close();
  }
}

const asBuffers = { keys: true, values: true, keyEncoding: 'buffer', valueEncoding: 'buffer' };
