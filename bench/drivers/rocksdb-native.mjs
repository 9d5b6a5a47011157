import RocksDB from 'rocksdb-native';
import { pause } from './pause.mjs';
import { versionOf } from './version.mjs';

export const driver = {
  name: 'rocksdb-native',
  version: versionOf('rocksdb-native'),
  bytes: 'buffer',
  loadBatch: 1000,
  acknowledgement: { os: 'handed to the OS' },
  settings:
    'writeBufferSize as all; the size of its block cache cannot be set; write batches with tryPut, read batches for multiget, iterators with capacity 1000 (10 for ranges of 10). Asynchronous only',
  async open({ directory, kind, writeBufferBytes }) {
    const db = new RocksDB(directory, { writeBufferSize: writeBufferBytes });
    await db.ready();
    return kind === 'bytes' ? new RocksStore(db) : new TextStore(db, kind === 'json');
  },
};

class RocksStore {
  #db;

  constructor(db) {
    this.#db = db;
  }

  encode(value) {
    return value;
  }

  decode(value) {
    return value;
  }

  decodeKey(key) {
    return key;
  }

  async batch(keys, values, from, to) {
    const batch = this.#db.write({ capacity: to - from, autoDestroy: true });
    for (let i = from; i < to; i++) batch.tryPut(keys[i], this.encode(values[i]));
    await batch.flush();
  }

  put(key, value) {
    return this.#db.put(key, this.encode(value));
  }

  async deleteBatch(keys, from, to) {
    const batch = this.#db.write({ capacity: to - from, autoDestroy: true });
    for (let i = from; i < to; i++) batch.tryDelete(keys[i]);
    await batch.flush();
  }

  get(key) {
    return this.#db.get(key);
  }

  getMany(keys) {
    const batch = this.#db.read({ capacity: keys.length, autoDestroy: true });
    const values = keys.map((key) => batch.get(key));
    batch.tryFlush();
    return Promise.all(values);
  }

  async scan({ from, isReverse, limit }, visit) {
    const range = { reverse: isReverse, limit, capacity: Math.min(limit, 1000) };
    if (from !== undefined) range.gte = from;
    for await (const { key, value } of this.#db.iterator(range)) {
      if (!visit(this.decodeKey(key), this.decode(value))) break;
    }
  }

  settle() {
    return pause();
  }

  close() {
    return this.#db.close();
  }
}

class TextStore extends RocksStore {
  #isJson;

  constructor(db, isJson) {
    super(db);
    this.#isJson = isJson;
  }

  encode(value) {
    return this.#isJson ? JSON.stringify(value) : value;
  }

  decode(value) {
    if (value === null) return undefined;
    return this.#isJson ? JSON.parse(value.toString()) : value.toString();
  }

  decodeKey(key) {
    return key.toString();
  }

  async get(key) {
    return this.decode(await super.get(key));
  }

  async getMany(keys) {
    return (await super.getMany(keys)).map((value) => this.decode(value));
  }
}
