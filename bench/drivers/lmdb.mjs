import { open } from 'lmdb';
import { pause } from './pause.mjs';
import { versionOf } from './version.mjs';

/**
 * @param useWritemap - writes go to the memory map only. Quickest, but a stray pointer,
 * or a power failure, may leave a file that cannot be read: a promise that nobody
 * else here makes so little of, so it is a store of its own.
 */
export function makeDriver(useWritemap) {
  return {
    name: useWritemap ? 'lmdb (writemap)' : 'lmdb',
    version: versionOf('lmdb'),
    bytes: 'buffer',
    loadBatch: 200_000,
    acknowledgement: {
      os: `${useWritemap ? 'in the memory map' : 'handed to the OS'}, never synced (noSync): a power failure may leave a file that cannot be read`,
      disk: 'synced (its default)',
    },
    settings: `noSync${useWritemap ? ' and useWritemap' : ''} but for fillsync, which has its defaults; noMemInit; pages are cached by the OS (memory map). batch() for batches; YCSB and the writer of readwhilewriting use putSync; getBinary, and getBinaryFast where the value need not outlive the next call`,
    async open({ directory, kind, durability }) {
      const isBytes = kind === 'bytes';
      const isSynced = durability === 'disk';
      const db = open({
        path: directory,
        keyEncoding: isBytes ? 'binary' : 'ordered-binary',
        encoding: isBytes ? 'binary' : kind === 'utf8' ? 'string' : 'msgpack',
        noMemInit: true,
        ...(isSynced ? {} : { noSync: true, useWritemap }),
      });
      return isBytes ? new BytesStore(db) : new LmdbStore(db);
    },
  };
}

export const driver = makeDriver(false);

class LmdbStore {
  db;

  constructor(db) {
    this.db = db;
  }

  batch(keys, values, from, to) {
    const { db } = this;
    return db.batch(() => {
      for (let i = from; i < to; i++) db.put(keys[i], values[i]);
    });
  }

  put(key, value) {
    return this.db.put(key, value);
  }

  putSync(key, value) {
    this.db.putSync(key, value);
  }

  deleteBatch(keys, from, to) {
    const { db } = this;
    return db.batch(() => {
      for (let i = from; i < to; i++) db.remove(keys[i]);
    });
  }

  get(key) {
    return this.db.get(key);
  }

  getSync(key) {
    return this.db.get(key);
  }

  getMany(keys) {
    return this.db.getMany(keys);
  }

  getManySync(keys) {
    return keys.map((key) => this.db.get(key));
  }

  scan({ from, isReverse, limit }, visit) {
    const range = { reverse: isReverse, limit };
    if (from !== undefined) range.start = from;
    for (const { key, value } of this.db.getRange(range)) {
      if (!visit(key, value)) break;
    }
  }

  settle() {
    return pause();
  }

  async close() {
    await this.db.close();
  }
}

class BytesStore extends LmdbStore {
  get(key) {
    return this.db.getBinary(key);
  }

  getSync(key) {
    return this.db.getBinary(key);
  }

  getBorrowedSync(key) {
    return this.db.getBinaryFast(key);
  }

  getManySync(keys) {
    return keys.map((key) => this.db.getBinary(key));
  }
}
