import type { Keyspace } from '../index.js';
import { expiryEncoding, type Expiry } from './expiry-index.js';
import { Gate } from './gate.js';
import { isExpired, never, recordEncoding, type StoredRecord } from './record.js';

/** A `Database`, whatever its encodings. */
export interface AnyDatabase {
  /** As of `Database`. */
  keyspace(name: string, options: object): Promise<unknown>;
  /** As of `Database`. */
  close(): Promise<void>;
}

/** One entry to be set. */
export interface NewEntry {
  readonly key: string;
  readonly value: unknown;
  readonly expiresMs: number;
}

/** So many entries are deleted at a time: others get their turn between two batches. */
const entriesPerBatch = 1000;

/** One for all adapters of a keyspace. */
const gates = new WeakMap<AnyDatabase, Map<string, Gate>>();

/** Entries that expire, and an index of when, written together. */
export class ExpiringStore {
  readonly #records: Keyspace<string, StoredRecord>;
  /** What expires, in its order. Of a key set anew, the earlier times stay until they have come. */
  readonly #expiries: Keyspace<Expiry, Uint8Array>;
  readonly #gate: Gate;

  private constructor(
    records: Keyspace<string, StoredRecord>,
    expiries: Keyspace<Expiry, Uint8Array>,
    gate: Gate,
  ) {
    this.#records = records;
    this.#expiries = expiries;
    this.#gate = gate;
  }

  static async open(database: AnyDatabase, name: string): Promise<ExpiringStore> {
    const records = await database.keyspace(name, {
      keyEncoding: 'utf8',
      valueEncoding: recordEncoding,
    });
    const expiries = await database.keyspace(`${name}.expiries`, {
      keyEncoding: expiryEncoding,
      valueEncoding: 'view',
    });
    return new ExpiringStore(
      records as Keyspace<string, StoredRecord>,
      expiries as Keyspace<Expiry, Uint8Array>,
      gateOf(database, name),
    );
  }

  /** Values in the order of the keys, undefined for those that are absent or expired. */
  async getMany(keys: readonly string[], nowMs: number): Promise<unknown[]> {
    const records = await this.#records.getMany(keys);
    return records.map((record) => valueAt(record, nowMs));
  }

  async get(key: string, nowMs: number): Promise<unknown> {
    return valueAt(await this.#records.get(key), nowMs);
  }

  /** All or none. */
  async set(entries: readonly NewEntry[]): Promise<void> {
    await this.#gate.write(() => {
      const batch = this.#records.batch();
      for (const { key, value, expiresMs } of entries) {
        batch.put(key, { expiresMs, value });
        if (expiresMs !== never) {
          batch.put({ expiresMs, key }, nothing, { keyspace: this.#expiries });
        }
      }
      return batch.commit();
    });
  }

  /** Which of them were there. */
  async delete(keys: readonly string[], nowMs: number): Promise<boolean[]> {
    const values = await this.getMany(keys, nowMs);
    await this.#gate.write(() => {
      const batch = this.#records.batch();
      for (const key of keys) batch.delete(key);
      return batch.commit();
    });
    return values.map((value) => value !== undefined);
  }

  /** All keys that begin so; without a prefix, everything. */
  async clear(prefix: string | undefined): Promise<void> {
    await clearKeys(this.#records, prefix);
    if (prefix === undefined) await clearKeys(this.#expiries, undefined);
  }

  /** As they are now, in the order of their keys. */
  async *entries(prefix: string | undefined, nowMs: number): AsyncGenerator<[string, unknown]> {
    for await (const [key, record] of this.#records.entries({ prefix })) {
      if (!isExpired(record, nowMs)) yield [key, record.value];
    }
  }

  /** Removes what has expired, in time by how much that is; returns how many entries that were. */
  async clearExpired(nowMs: number): Promise<number> {
    let removed = 0;
    const due = this.#expiries.keys({ lt: { expiresMs: nowMs, key: '' } });
    try {
      for (;;) {
        const some = await due.nextMany(entriesPerBatch);
        if (some.length === 0) return removed;
        removed += await this.#gate.exclusively(() => this.#remove(some));
      }
    } finally {
      await due.close();
    }
  }

  async #remove(expiries: readonly Expiry[]): Promise<number> {
    const records = await this.#records.getMany(expiries.map(({ key }) => key));
    const batch = this.#records.batch();
    let removed = 0;
    expiries.forEach((expiry, i) => {
      batch.delete(expiry, { keyspace: this.#expiries });
      // Another time: it was set anew, and has an entry of its own in the index.
      if (records[i]?.expiresMs !== expiry.expiresMs) return;
      batch.delete(expiry.key);
      removed++;
    });
    await batch.commit();
    return removed;
  }
}

const nothing = new Uint8Array(0);

function valueAt(record: StoredRecord | undefined, nowMs: number): unknown {
  return record === undefined || isExpired(record, nowMs) ? undefined : record.value;
}

function gateOf(database: AnyDatabase, name: string): Gate {
  const ofDatabase = gates.get(database) ?? new Map<string, Gate>();
  gates.set(database, ofDatabase);
  const gate = ofDatabase.get(name) ?? new Gate();
  ofDatabase.set(name, gate);
  return gate;
}

async function clearKeys<Key extends string | Expiry, Value>(
  keyspace: Keyspace<Key, Value>,
  prefix: string | undefined,
): Promise<void> {
  const keys = keyspace.keys({ prefix });
  try {
    for (;;) {
      const some = await keys.nextMany(entriesPerBatch);
      if (some.length === 0) return;
      await keyspace.batch(some.map((key) => ({ type: 'delete', key }) as never));
    }
  } finally {
    await keys.close();
  }
}
