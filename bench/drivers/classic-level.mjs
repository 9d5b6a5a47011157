import { ClassicLevel } from 'classic-level';
import { pause } from './pause.mjs';
import { versionOf } from './version.mjs';

const MiB = 1024 * 1024;

export const driver = {
  name: 'classic-level',
  version: versionOf('classic-level'),
  bytes: 'buffer',
  loadBatch: 1000,
  acknowledgement: { os: 'handed to the OS', disk: 'synced (sync: true)' },
  settings:
    'cacheSize and writeBufferSize as all; chained batches; nextv(1000) with highWaterMarkBytes of 1 MiB for walks',
  async open({ directory, kind, durability, cacheBytes, writeBufferBytes }) {
    const db = new ClassicLevel(directory, {
      keyEncoding: kind === 'bytes' ? 'buffer' : 'utf8',
      valueEncoding: kind === 'bytes' ? 'buffer' : kind,
      cacheSize: cacheBytes,
      writeBufferSize: writeBufferBytes,
    });
    await db.open();
    return new ClassicStore(db, { sync: durability === 'disk' });
  },
};

class ClassicStore {
  #db;
  #writing;

  constructor(db, writing) {
    this.#db = db;
    this.#writing = writing;
  }

  batch(keys, values, from, to) {
    const batch = this.#db.batch();
    for (let i = from; i < to; i++) batch.put(keys[i], values[i]);
    return batch.write(this.#writing);
  }

  put(key, value) {
    return this.#db.put(key, value, this.#writing);
  }

  deleteBatch(keys, from, to) {
    const batch = this.#db.batch();
    for (let i = from; i < to; i++) batch.del(keys[i]);
    return batch.write(this.#writing);
  }

  get(key) {
    return this.#db.get(key);
  }

  getSync(key) {
    return this.#db.getSync(key);
  }

  getMany(keys) {
    return this.#db.getMany(keys);
  }

  async scan({ from, isReverse, limit }, visit) {
    const range = { reverse: isReverse, limit, highWaterMarkBytes: MiB };
    if (from !== undefined) range.gte = from;
    const iterator = this.#db.iterator(range);
    const size = Math.min(limit, 1000);
    walk: for (let left = limit; left > 0;) {
      const entries = await iterator.nextv(size);
      if (entries.length === 0) break;
      left -= entries.length;
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
