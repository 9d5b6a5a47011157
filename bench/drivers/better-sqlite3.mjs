import { join } from 'node:path';
import Database from 'better-sqlite3';
import { pause } from './pause.mjs';
import { versionOf } from './version.mjs';

export const driver = {
  name: 'better-sqlite3',
  version: versionOf('better-sqlite3'),
  bytes: 'buffer',
  loadBatch: 200_000,
  acknowledgement: {
    os: 'handed to the OS (WAL, synchronous=NORMAL)',
    disk: 'synced (WAL, synchronous=FULL)',
  },
  settings:
    'one table WITHOUT ROWID; WAL; cache_size as all; prepared statements; a transaction for each batch; walks by 1000 rows. Synchronous only: what is awaited is its result',
  async open({ directory, kind, durability, cacheBytes }) {
    const db = new Database(join(directory, 'bench.db'));
    db.pragma('journal_mode = WAL');
    db.pragma(`synchronous = ${durability === 'disk' ? 'FULL' : 'NORMAL'}`);
    db.pragma(`cache_size = -${Math.round(cacheBytes / 1024)}`);
    const type = kind === 'bytes' ? 'BLOB' : 'TEXT';
    db.exec(`CREATE TABLE entries (key ${type} PRIMARY KEY, value ${type} NOT NULL) WITHOUT ROWID`);
    return kind === 'json' ? new JsonStore(db) : new SqliteStore(db);
  },
};

class SqliteStore {
  #db;
  #put;
  #get;
  #forward;
  #onward;
  #first;
  #last;
  #backward;
  #putAll;
  #deleteAll;

  constructor(db) {
    this.#db = db;
    this.#put = db.prepare(
      'INSERT INTO entries VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
    );
    this.#get = db.prepare('SELECT value FROM entries WHERE key = ?').pluck();
    const select = (rest) => db.prepare(`SELECT key, value FROM entries ${rest} LIMIT ?`).raw();
    this.#first = select('ORDER BY key');
    this.#forward = select('WHERE key >= ? ORDER BY key');
    this.#onward = select('WHERE key > ? ORDER BY key');
    this.#last = select('ORDER BY key DESC');
    this.#backward = select('WHERE key < ? ORDER BY key DESC');
    this.#putAll = db.transaction((keys, values, from, to) => {
      for (let i = from; i < to; i++) this.#put.run(keys[i], this.encode(values[i]));
    });
    const remove = db.prepare('DELETE FROM entries WHERE key = ?');
    this.#deleteAll = db.transaction((keys, from, to) => {
      for (let i = from; i < to; i++) remove.run(keys[i]);
    });
  }

  encode(value) {
    return value;
  }

  decode(value) {
    return value;
  }

  batch(keys, values, from, to) {
    this.#putAll(keys, values, from, to);
  }

  put(key, value) {
    this.#put.run(key, this.encode(value));
  }

  putSync(key, value) {
    this.#put.run(key, this.encode(value));
  }

  deleteBatch(keys, from, to) {
    this.#deleteAll(keys, from, to);
  }

  get(key) {
    return this.decode(this.#get.get(key));
  }

  getSync(key) {
    return this.decode(this.#get.get(key));
  }

  async getMany(keys) {
    return this.getManySync(keys);
  }

  getManySync(keys) {
    return keys.map((key) => this.decode(this.#get.get(key)));
  }

  scan({ from, isReverse, limit }, visit) {
    const next = isReverse ? this.#backward : this.#onward;
    const size = Math.min(limit, 1000);
    let rows;
    if (from === undefined) rows = (isReverse ? this.#last : this.#first).all(size);
    else rows = this.#forward.all(from, size);
    for (let left = limit; ;) {
      for (const [key, value] of rows) if (!visit(key, this.decode(value))) return;
      left -= rows.length;
      if (rows.length < size || left <= 0) return;
      rows = next.all(rows[rows.length - 1][0], Math.min(left, size));
    }
  }

  settle() {
    return pause();
  }

  async close() {
    this.#db.close();
  }
}

class JsonStore extends SqliteStore {
  encode(value) {
    return JSON.stringify(value);
  }

  decode(value) {
    return value === undefined ? undefined : JSON.parse(value);
  }
}
