import { EventEmitter } from 'node:events';
import { open, systemClock, type Clock, type OpenOptions } from '../index.js';
import { never } from './record.js';
import { ExpiringStore, type AnyDatabase, type NewEntry } from './store.js';

/** What the constructor takes: `path` or `database`. */
export interface KeyvNoriOptions {
  /** Opens the database in this directory, making it when it is missing; `disconnect` closes it. */
  readonly path?: string | undefined;
  /** An open `Database`, for several adapters or with other keyspaces beside; it stays open after `disconnect`. */
  readonly database?: AnyDatabase | undefined;
  /** The keyspace for the entries; when they expire stands in a second one, with `.expiries` behind its name. Default `keyv`. */
  readonly keyspace?: string | undefined;
  /** Expired entries are removed after so many sets that had a ttl; 0: only by `clearExpired()`. Default 1000. */
  readonly setsPerSweep?: number | undefined;
  /** With `path`: options of the database. */
  readonly nori?: OpenOptions | undefined;
  /** For tests. Default: the system's, as Keyv itself. */
  readonly clock?: Clock | undefined;
}

/** The options, and by what Keyv 5 knows those whose `iterator` it uses. */
export interface KeyvNoriOpts extends KeyvNoriOptions {
  /** One that is in Keyv's list: `sqlite`. */
  readonly dialect: string;
  /** The path; empty with `database`. */
  readonly url: string;
}

/** One entry of `setMany`. */
export interface KeyvNoriEntry {
  /** With its namespace. */
  readonly key: string;
  /** A string, bytes, or what JSON can say. */
  readonly value: unknown;
  /** Milliseconds; none, 0 or null: never expires. */
  readonly ttl?: number | null | undefined;
}

/**
 * A storage adapter for Keyv 5 and 6 on nori-lsm.
 *
 * ```js
 * import Keyv from 'keyv';
 * import KeyvNori from 'nori-lsm/keyv';
 *
 * const keyv = new Keyv({ store: new KeyvNori('./cache') });
 * await keyv.set('a', { b: 1 }, 60_000);
 * ```
 *
 * What has expired is never given; it is removed in passing, see `setsPerSweep`.
 * Methods reject with what `nori-lsm` throws; Keyv makes `error` events of it.
 */
export class KeyvNori extends EventEmitter {
  /** As given, and what Keyv 5 wants to see. */
  readonly opts: KeyvNoriOpts;
  /** Set by Keyv 5, which puts it before the keys itself: `namespace:key`. */
  // Only declared: Keyv 6 leaves prefixes to adapters that have this property from the start.
  declare namespace?: string | undefined;
  readonly #clock: Clock;
  readonly #setsPerSweep: number;
  readonly #store: Promise<ExpiringStore>;
  #owned: AnyDatabase | undefined;
  #setsUntilSweep: number;
  #sweep: Promise<unknown> | undefined;

  /**
   * @param options - a path stands for `{ path }`
   * @throws TypeError for neither or both of `path` and `database`
   */
  constructor(options: string | KeyvNoriOptions) {
    super();
    const given = typeof options === 'string' ? { path: options } : options;
    const { path, database, clock = systemClock, setsPerSweep = 1000 } = given;
    if ((path === undefined) === (database === undefined)) {
      throw new TypeError("either the option 'path' or the option 'database' is needed");
    }
    this.opts = { ...given, dialect: 'sqlite', url: path ?? '' };
    this.#clock = clock;
    this.#setsPerSweep = setsPerSweep;
    this.#setsUntilSweep = setsPerSweep;
    this.#store = this.#open(given);
    this.#store.catch((error: unknown) => this.#tell(error));
  }

  /** The value, or undefined when the key is absent or expired. */
  async get<Value = unknown>(key: string): Promise<Value | undefined> {
    const store = await this.#store;
    return (await store.get(key, this.#now())) as Value | undefined;
  }

  /** The values in the order of the keys, undefined where there is none. */
  async getMany<Value = unknown>(keys: readonly string[]): Promise<(Value | undefined)[]> {
    const store = await this.#store;
    return (await store.getMany(keys, this.#now())) as (Value | undefined)[];
  }

  /**
   * Stores `value` under `key`, replacing what is there.
   * @param ttl - milliseconds; none, 0 or null: never expires
   */
  async set(key: string, value: unknown, ttl?: number | null): Promise<boolean> {
    await this.#set([{ key, value, ttl }]);
    return true;
  }

  /** All entries or none. */
  async setMany(entries: readonly KeyvNoriEntry[]): Promise<boolean[]> {
    await this.#set(entries);
    return entries.map(() => true);
  }

  /** Whether it was there. */
  async delete(key: string): Promise<boolean> {
    return this.deleteMany([key]);
  }

  /** Whether one of them was there. All or none are removed. */
  async deleteMany(keys: readonly string[]): Promise<boolean> {
    const store = await this.#store;
    return (await store.delete(keys, this.#now())).includes(true);
  }

  /** Removes the keys of the namespace, without one everything. */
  async clear(): Promise<void> {
    const store = await this.#store;
    await store.clear(prefixOf(this.namespace));
  }

  /** Whether it is there and has not expired. */
  async has(key: string): Promise<boolean> {
    return (await this.get(key)) !== undefined;
  }

  /** As `has`, in the order of the keys. */
  async hasMany(keys: readonly string[]): Promise<boolean[]> {
    return (await this.getMany(keys)).map((value) => value !== undefined);
  }

  /** Keys, with their namespace, and values in the order of the keys, as of now. */
  async *iterator<Value = unknown>(namespace?: string): AsyncGenerator<[string, Value], void> {
    const store = await this.#store;
    yield* store.entries(prefixOf(namespace), this.#now()) as AsyncGenerator<[string, Value]>;
  }

  /** Removes what has expired, of all namespaces; returns how many entries that were. Takes time by that number. */
  async clearExpired(): Promise<number> {
    const store = await this.#store;
    return store.clearExpired(this.#now());
  }

  /** Closes the database, when it was opened by its path. */
  async disconnect(): Promise<void> {
    await this.#store.catch(() => undefined);
    await this.#sweep;
    await this.#owned?.close();
  }

  async #open({
    path,
    database,
    keyspace = 'keyv',
    nori,
  }: KeyvNoriOptions): Promise<ExpiringStore> {
    if (path !== undefined) this.#owned = await open(path, nori);
    return ExpiringStore.open(database ?? this.#owned!, keyspace);
  }

  async #set(entries: readonly KeyvNoriEntry[]): Promise<void> {
    const nowMs = this.#now();
    const expiring: NewEntry[] = entries.map(({ key, value, ttl }) => ({
      key,
      value,
      expiresMs: ttl ? Math.max(0, nowMs + ttl) : never,
    }));
    const store = await this.#store;
    await store.set(expiring);
    this.#sweepInTurn(expiring.filter(({ expiresMs }) => expiresMs !== never).length);
  }

  #sweepInTurn(sets: number): void {
    this.#setsUntilSweep -= sets;
    if (this.#setsPerSweep === 0 || this.#setsUntilSweep > 0 || this.#sweep !== undefined) return;
    this.#setsUntilSweep = this.#setsPerSweep;
    this.#sweep = this.clearExpired()
      .catch((error: unknown) => this.#tell(error))
      .finally(() => {
        this.#sweep = undefined;
      });
  }

  #now(): number {
    return this.#clock.wallMs();
  }

  /** Where nobody awaits. */
  #tell(error: unknown): void {
    if (this.listenerCount('error') > 0) this.emit('error', error);
  }
}

function prefixOf(namespace: string | undefined): string | undefined {
  return namespace ? `${namespace}:` : undefined;
}
