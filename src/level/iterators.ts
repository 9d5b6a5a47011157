import {
  AbstractIterator,
  AbstractKeyIterator,
  AbstractValueIterator,
  type AbstractIteratorOptions,
  type AbstractKeyIteratorOptions,
  type AbstractValueIteratorOptions,
} from 'abstract-level';
import type { AsyncEntryIterator } from '../index.js';
import { boundsOf, type Range } from './range.js';
import { ReadAhead } from './read-ahead.js';
import { NoriSnapshot } from './snapshot.js';
import { storeFor, toBuffer, type Format, type Stores } from './stores.js';

/** What abstract-level gives an iterator: ranges are encoded, encodings are formats. */
interface PrivateOptions extends Range {
  readonly reverse: boolean;
  readonly keyEncoding: Format;
  readonly valueEncoding: Format;
  readonly keys?: boolean;
  readonly values?: boolean;
  readonly snapshot?: object | undefined;
  readonly signal?: AbortSignal | null | undefined;
  readonly highWaterMarkBytes?: number | undefined;
}

/** Entries, from `db.iterator()`. */
export class NoriIterator<Db, K, V> extends AbstractIterator<Db, K, V> {
  readonly #ahead: ReadAhead<[K, V]>;

  constructor(db: Db, stores: Stores, options: AbstractIteratorOptions<K, V>) {
    super(db, options);
    const given = options as unknown as PrivateOptions;
    this.#ahead = new ReadAhead(
      () => openEntries(stores, given),
      shapeOfEntries(given),
      given,
      stores.turns,
    );
  }

  protected _next(): [K, V] | undefined | Promise<[K, V] | undefined> {
    return this.#ahead.next(this.limit - this.count);
  }

  protected _nextv(size: number): [K, V][] | Promise<[K, V][]> {
    return this.#ahead.nextv(size);
  }

  protected _seek(target: unknown): void {
    this.#ahead.seek(target);
  }

  protected _close(): Promise<void> {
    return this.#ahead.close();
  }
}

/** Keys, from `db.keys()`: values are neither copied nor decoded. */
export class NoriKeyIterator<Db, K> extends AbstractKeyIterator<Db, K> {
  readonly #ahead: ReadAhead<K>;

  constructor(db: Db, stores: Stores, options: AbstractKeyIteratorOptions<K>) {
    super(db, options);
    const given = options as unknown as PrivateOptions;
    this.#ahead = new ReadAhead(
      () => openKeys(stores, given),
      shapeOf(given.keyEncoding),
      given,
      stores.turns,
    );
  }

  protected _next(): K | undefined | Promise<K | undefined> {
    return this.#ahead.next(this.limit - this.count);
  }

  protected _nextv(size: number): K[] | Promise<K[]> {
    return this.#ahead.nextv(size);
  }

  protected _seek(target: unknown): void {
    this.#ahead.seek(target);
  }

  protected _close(): Promise<void> {
    return this.#ahead.close();
  }
}

/** Values, from `db.values()`: keys are neither copied nor decoded. */
export class NoriValueIterator<Db, K, V> extends AbstractValueIterator<Db, K, V> {
  readonly #ahead: ReadAhead<V>;

  constructor(db: Db, stores: Stores, options: AbstractValueIteratorOptions<K, V>) {
    super(db, options);
    const given = options as unknown as PrivateOptions;
    this.#ahead = new ReadAhead(
      () => openValues(stores, given),
      shapeOf(given.valueEncoding),
      given,
      stores.turns,
    );
  }

  protected _next(): V | undefined | Promise<V | undefined> {
    return this.#ahead.next(this.limit - this.count);
  }

  protected _nextv(size: number): V[] | Promise<V[]> {
    return this.#ahead.nextv(size);
  }

  protected _seek(target: unknown): void {
    this.#ahead.seek(target);
  }

  protected _close(): Promise<void> {
    return this.#ahead.close();
  }
}

function openEntries(stores: Stores, options: PrivateOptions): AsyncEntryIterator<unknown> {
  if (options.values === false) return openKeys(stores, options);
  if (options.keys === false) return openValues(stores, options);
  const { keyEncoding, valueEncoding } = options;
  return storeFor(stores, keyEncoding, valueEncoding).entries(scanOf(options));
}

function openKeys(stores: Stores, options: PrivateOptions): AsyncEntryIterator<unknown> {
  return storeFor(stores, options.keyEncoding, 'utf8').keys(scanOf(options));
}

function openValues(stores: Stores, options: PrivateOptions): AsyncEntryIterator<unknown> {
  return storeFor(stores, 'utf8', options.valueEncoding).values(scanOf(options));
}

/** The limit is not ours to keep: after a seek, entries count anew only for abstract-level. */
function scanOf(options: PrivateOptions): object {
  return {
    ...boundsOf(options),
    reverse: options.reverse,
    signal: options.signal ?? undefined,
    snapshot: NoriSnapshot.readsAt(options.snapshot)?.snapshot,
    stayOpen: true,
  };
}

/** Single keys or values: bytes become Buffers where these are wanted. */
function shapeOf(format: Format): ((items: unknown[]) => void) | undefined {
  if (format !== 'buffer') return undefined;
  return (items) => {
    for (let i = 0; i < items.length; i++) items[i] = toBuffer(items[i] as Uint8Array);
  };
}

/** Pairs, where keys or values may be left out. */
function shapeOfEntries(options: PrivateOptions): ((items: unknown[]) => void) | undefined {
  const { keyEncoding, valueEncoding } = options;
  const shapeKeys = shapeOf(keyEncoding);
  const shapeValues = shapeOf(valueEncoding);
  if (options.values === false) {
    return (items) => {
      if (options.keys === false) items.fill(undefined);
      else shapeKeys?.(items);
      for (let i = 0; i < items.length; i++) items[i] = [items[i], undefined];
    };
  }
  if (options.keys === false) {
    return (items) => {
      shapeValues?.(items);
      for (let i = 0; i < items.length; i++) items[i] = [undefined, items[i]];
    };
  }
  if (shapeKeys === undefined && shapeValues === undefined) return undefined;
  return (items) => {
    for (const pair of items as [unknown, unknown][]) {
      if (shapeKeys !== undefined) pair[0] = toBuffer(pair[0] as Uint8Array);
      if (shapeValues !== undefined) pair[1] = toBuffer(pair[1] as Uint8Array);
    }
  };
}
