import { AbstractLevel, type Transcoder } from 'abstract-level';
import { destroy, isLsmError, open, repair, type Database } from '../index.js';
import { NoriChainedBatch } from './chained-batch.js';
import { clearRange } from './clear.js';
import { durabilityOf } from './durability.js';
import { LevelError, rethrow, toLevelError, toOpenError } from './errors.js';
import { NoriIterator, NoriKeyIterator, NoriValueIterator } from './iterators.js';
import { translateOptions } from './options.js';
import { propertyOf } from './properties.js';
import type { Range } from './range.js';
import { NoriSnapshot } from './snapshot.js';
import { makeStores, toBuffer, toInput, type Format, type Input, type Stores } from './stores.js';
import type {
  DatabaseOptions,
  IteratorOptions,
  KeyIteratorOptions,
  LevelWithOptions,
  OpenOptions,
  StartEndOptions,
  ValueIteratorOptions,
  WriteOptions,
} from './types.js';

/** What abstract-level gives the private methods: the formats, and what the caller gave. */
interface GivenOptions extends WriteOptions {
  readonly keyEncoding: Format;
  readonly valueEncoding: Format;
  readonly snapshot?: object | undefined;
}

interface Operation {
  readonly type: 'put' | 'del';
  readonly key: unknown;
  readonly value?: unknown;
}

const manifest = {
  encodings: { buffer: true, utf8: true, view: true },
  has: true,
  createIfMissing: true,
  errorIfExists: true,
  explicitSnapshots: true,
  getSync: true,
  additionalMethods: { approximateSize: true, compactRange: true },
  signals: { iterators: true },
};

/** AbstractLevel as it is, with our options in its types. */
const Base = AbstractLevel as unknown as new <KDefault, VDefault>(
  supports: object,
  options: object | undefined,
) => LevelWithOptions<KDefault, VDefault>;

/**
 * A nori-lsm database with the interface of abstract-level, in the place of
 * classic-level and level.
 *
 * ```js
 * import { NoriLevel } from 'nori-lsm/level';
 *
 * const db = new NoriLevel('./db', { valueEncoding: 'json' });
 * await db.put('a', 1);
 * ```
 *
 * Opens itself; calls made meanwhile are kept until it is open. What is the same in
 * all databases of abstract-level stands in its README; docs/level.md has the rest.
 */
export class NoriLevel<KDefault = string, VDefault = string> extends Base<KDefault, VDefault> {
  readonly #location: string;
  #stores: Stores | undefined;
  /** Calls of several steps: closing waits for them. */
  readonly #pending = new Set<Promise<unknown>>();

  /**
   * @param location - a directory of its own; made, with those above it, when it is missing
   * @throws TypeError for options that cannot be meant so; Error `LEVEL_NOT_SUPPORTED` for `multithreading`
   */
  constructor(location: string, options?: DatabaseOptions<KDefault, VDefault>) {
    checkLocation(location);
    translateOptions(options ?? {});
    super(manifest, options);
    this.#location = location;
  }

  /** As given to the constructor. */
  get location(): string {
    return this.#location;
  }

  /** The database underneath, for what abstract-level has no words for: stats, events, checkpoints. @throws Error `LEVEL_DATABASE_NOT_OPEN` */
  get nori(): Database<string, string> {
    return this.#open().database;
  }

  /** About how many bytes of files the keys from `start` to `end` (exclusive) take; what is still in memory is not counted. */
  async approximateSize<K = KDefault>(
    start: K,
    end: K,
    options?: StartEndOptions<K> | null,
  ): Promise<number> {
    const range = await this.#startAndEnd('approximateSize', arguments.length, start, end, options);
    const { bytes } = this.#open('approximateSize');
    return this.#track(bytes.approximateSize({ gte: range.start, lt: range.end }));
  }

  /** Rewrites the keys from `start` to `end` into the deepest level, without what is deleted or superseded. */
  async compactRange<K = KDefault>(
    start: K,
    end: K,
    options?: StartEndOptions<K> | null,
  ): Promise<void> {
    const range = await this.#startAndEnd('compactRange', arguments.length, start, end, options);
    const { bytes } = this.#open('compactRange');
    await this.#track(bytes.compactRange({ gte: range.start, lte: range.end }));
  }

  /**
   * Internal details as text: `leveldb.num-files-at-level` and a level, `leveldb.stats`,
   * `leveldb.sstables`, `leveldb.approximate-memory-usage`, and `nori.stats`, which is
   * `nori.stats()` as JSON. Empty for any other name.
   */
  getProperty(property: string): string {
    if (typeof property !== 'string') {
      throw new TypeError("The first argument 'property' must be a string");
    }
    return propertyOf(this.#open().database.stats(), property);
  }

  /** Removes the database at `location`, and the directory when nothing else is in it. Nothing there is no error. */
  static async destroy(location: string): Promise<void> {
    checkLocation(location);
    try {
      await destroy(location);
    } catch (error) {
      if (!isLsmError(error, 'LSM_NOT_FOUND')) throw toLevelError(error);
    }
  }

  /** Makes a damaged database open again, with what can be read of it; `repair` of `nori-lsm` also reports. Nothing there is no error. */
  static async repair(location: string): Promise<void> {
    checkLocation(location);
    try {
      await repair(location);
    } catch (error) {
      if (!isLsmError(error, 'LSM_NOT_FOUND')) throw toLevelError(error);
    }
  }

  /** @internal */
  protected async _open(options: OpenOptions): Promise<void> {
    const ours = translateOptions(options);
    try {
      const database = await open(this.#location, {
        ...ours,
        keyEncoding: 'utf8',
        valueEncoding: 'utf8',
      });
      this.#stores = await makeStores(database);
    } catch (error) {
      throw toOpenError(error, this.#location);
    }
  }

  /** Waits for what is pending, as classic-level does. @internal */
  protected async _close(): Promise<void> {
    const { database } = this.#open();
    await Promise.allSettled(this.#pending);
    try {
      await database.settled();
      await database.close();
    } catch (error) {
      // Closed already, with an error that was told then.
      if (!isLsmError(error, 'LSM_CLOSED')) throw toLevelError(error);
    }
    this.#stores = undefined;
  }

  /** @internal */
  protected _get(key: unknown, options: GivenOptions): Promise<Input | undefined> {
    const { texts, bytes, turns } = this.#stores!;
    const at = NoriSnapshot.readsAt(options.snapshot);
    const { valueEncoding } = options;
    if (valueEncoding === 'utf8') return turns.space(texts.get(toInput(key), at).catch(rethrow));
    const found = bytes.get(toInput(key), at);
    return turns.space(
      valueEncoding === 'view'
        ? found.catch(rethrow)
        : found.then((value) => value && toBuffer(value), rethrow),
    );
  }

  /** @internal */
  protected _getSync(key: unknown, options: GivenOptions): Input | undefined {
    const { texts, bytes } = this.#stores!;
    const at = NoriSnapshot.readsAt(options.snapshot);
    const { valueEncoding } = options;
    try {
      if (valueEncoding === 'utf8') return texts.getSync(toInput(key), at);
      const value = bytes.getSync(toInput(key), at);
      return value === undefined || valueEncoding === 'view' ? value : toBuffer(value);
    } catch (error) {
      throw toLevelError(error);
    }
  }

  /** @internal */
  protected async _getMany(keys: unknown[], options: GivenOptions): Promise<(Input | undefined)[]> {
    const { texts, bytes } = this.#stores!;
    const at = NoriSnapshot.readsAt(options.snapshot);
    const inputs = keys.map(toInput);
    if (options.valueEncoding === 'utf8') return this.#track(texts.getMany(inputs, at));
    const values = await this.#track(bytes.getMany(inputs, at));
    return options.valueEncoding === 'view'
      ? values
      : values.map((value) => value && toBuffer(value));
  }

  /** @internal */
  protected _has(key: unknown, options: GivenOptions): Promise<boolean> {
    const at = NoriSnapshot.readsAt(options.snapshot);
    const { texts, turns } = this.#stores!;
    return turns.space(texts.has(toInput(key), at).catch(rethrow));
  }

  /** @internal */
  protected _hasMany(keys: unknown[], options: GivenOptions): Promise<boolean[]> {
    const { texts } = this.#stores!;
    const at = NoriSnapshot.readsAt(options.snapshot);
    // All are begun in this turn: they see one moment.
    return this.#track(Promise.all(keys.map((key) => texts.has(toInput(key), at))));
  }

  /** @internal */
  protected _put(key: unknown, value: unknown, options: GivenOptions): Promise<void> {
    return this.#stores!.texts.put(toInput(key), toInput(value), durabilityOf(options)).catch(
      rethrow,
    );
  }

  /** @internal */
  protected _del(key: unknown, options: GivenOptions): Promise<void> {
    return this.#stores!.texts.delete(toInput(key), durabilityOf(options)).catch(rethrow);
  }

  /** @internal */
  protected _batch(operations: readonly Operation[], options: WriteOptions): Promise<void> {
    const batch = this.#stores!.texts.batch();
    for (const { type, key, value } of operations) {
      if (type === 'put') batch.put(toInput(key), toInput(value));
      else batch.delete(toInput(key));
    }
    return batch.commit(durabilityOf(options)).catch(rethrow);
  }

  /** @internal */
  protected _chainedBatch(): NoriChainedBatch<this, KDefault, VDefault> {
    return new NoriChainedBatch(this, this.#stores!);
  }

  /** @internal */
  protected _clear(
    options: GivenOptions & Range & { reverse: boolean; limit: number },
  ): Promise<void> {
    const at = NoriSnapshot.readsAt(options.snapshot);
    return this.#track(clearRange(this.#stores!.bytes, options, at));
  }

  /** @internal */
  protected _iterator<K, V>(options: IteratorOptions<K, V>): NoriIterator<this, K, V> {
    return new NoriIterator(this, this.#stores!, options);
  }

  /** @internal */
  protected _keys<K>(options: KeyIteratorOptions<K>): NoriKeyIterator<this, K> {
    return new NoriKeyIterator(this, this.#stores!, options);
  }

  /** @internal */
  protected _values<K, V>(options: ValueIteratorOptions<K, V>): NoriValueIterator<this, K, V> {
    return new NoriValueIterator(this, this.#stores!, options);
  }

  /** @internal */
  protected _snapshot(options: object): NoriSnapshot {
    return new NoriSnapshot(this.#stores!.database.snapshot(), options);
  }

  async #startAndEnd<K>(
    name: string,
    given: number,
    start: K,
    end: K,
    options: StartEndOptions<K> | null | undefined,
  ): Promise<{ start: Input; end: Input }> {
    if (given < 2) throw new TypeError("The arguments 'start' and 'end' are required");
    if (this.status === 'opening') await this.deferAsync(async () => undefined);
    this.#open(name);
    const wanted = typeof options === 'object' ? options?.keyEncoding : undefined;
    const encoding = this.keyEncoding(wanted as Transcoder.MixedEncoding<K, unknown, K>);
    return { start: toInput(encoding.encode(start)), end: toInput(encoding.encode(end)) };
  }

  #open(calling?: string): Stores {
    if (this.status === 'closed' || this.#stores === undefined) {
      const what = calling === undefined ? '' : `: cannot call ${calling}()`;
      throw new LevelError('LEVEL_DATABASE_NOT_OPEN', `Database is not open${what}`);
    }
    return this.#stores;
  }

  async #track<T>(call: Promise<T>): Promise<T> {
    this.#pending.add(call);
    const { turns } = this.#stores!;
    try {
      return await turns.space(call);
    } catch (error) {
      throw toLevelError(error);
    } finally {
      this.#pending.delete(call);
    }
  }
}

function checkLocation(location: unknown): void {
  if (typeof location !== 'string' || location === '') {
    throw new TypeError("The first argument 'location' must be a non-empty string");
  }
}
