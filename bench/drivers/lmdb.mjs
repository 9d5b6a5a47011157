import { open } from 'lmdb';
import { versionOf } from './version.mjs';

export const driver = {
  name: 'lmdb',
  version: versionOf('lmdb'),
  bytes: 'buffer',
  loadBatch: 50_000,
  acknowledgement: {
    os: 'committed, not synced (noSync)',
    disk: 'synced (its default)',
  },
  settings:
    'noSync where the row says os; pages cached by the OS (memory map); transactionSync with putSync for batches; put for single writes; getBinary, getBinaryFast where the value need not outlive the next call',
  async open({ directory, kind, durability }) {
    const isBytes = kind === 'bytes';
    const db = open({
      path: directory,
      keyEncoding: isBytes ? 'binary' : 'ordered-binary',
      encoding: isBytes ? 'binary' : kind === 'utf8' ? 'string' : 'msgpack',
      noSync: durability === 'os',
      noMemInit: true,
    });
    return isBytes ? new BytesStore(db, durability) : new LmdbStore(db, durability);
  },
};

class LmdbStore {
  db;
  #isSynced;

  constructor(db, durability) {
    this.db = db;
    this.#isSynced = durability === 'disk';
  }

  batch(keys, values, from, to) {
    const { db } = this;
    db.transactionSync(() => {
      for (let i = from; i < to; i++) db.putSync(keys[i], values[i]);
    });
  }

  put(key, value) {
    return this.db.put(key, value);
  }

  deleteBatch(keys, from, to) {
    const { db } = this;
    db.transactionSync(() => {
      for (let i = from; i < to; i++) db.removeSync(keys[i]);
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
    const range = { reverse: isReverse };
    if (from !== undefined) range.start = from;
    if (limit !== Infinity) range.limit = limit;
    for (const { key, value } of this.db.getRange(range)) {
      if (!visit(key, value)) break;
    }
  }

  settle() {
    return new Promise((resolve) => setTimeout(resolve, 2000));
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
