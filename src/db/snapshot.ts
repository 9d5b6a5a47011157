import type { IteratorOptions, ReadOptions } from './api-types.js';
import type { EncodableAs } from './encoding.js';
import type { AsyncEntryIterator, SyncEntryIterator } from './iterator.js';
import type { Keyspace } from './keyspace.js';
import type { SnapshotPin } from './snapshot-list.js';

type Reads<Options> = Omit<Options, 'snapshot'>;

/**
 * A frozen view of the whole database: reads see the state of the moment it was
 * made. Its own methods read the keyspace that made it; reads of the other
 * keyspaces take it as `{ snapshot }`.
 *
 * It holds no data; it keeps compactions from dropping versions that it sees, so
 * close it when done. Closing the database closes it; one that is lost without
 * being closed is closed when the garbage collector finds it (event `forgotten`).
 */
export class Snapshot<Key = Uint8Array, Value = Uint8Array> {
  /** @internal */
  readonly pin: SnapshotPin;
  readonly #keyspace: Keyspace<Key, Value>;

  /** @internal Made by `snapshot()`. */
  constructor(keyspace: Keyspace<Key, Value>, pin: SnapshotPin) {
    this.#keyspace = keyspace;
    this.pin = pin;
    pin.owner.watch(this, pin);
  }

  /** The newest sequence number that it sees. */
  get seq(): number {
    return this.pin.seq;
  }

  /** True once it was closed, by its user or with the database. */
  get isClosed(): boolean {
    return !this.pin.owner.has(this.pin);
  }

  /** As `Keyspace.get`, at the snapshot's moment. */
  get(key: EncodableAs<Key>): Promise<Value | undefined> {
    return this.#keyspace.get(key, this.#options);
  }

  /** As `Keyspace.getSync`, at the snapshot's moment. */
  getSync(key: EncodableAs<Key>): Value | undefined {
    return this.#keyspace.getSync(key, this.#options);
  }

  /** As `Keyspace.getMany`, at the snapshot's moment. */
  getMany(keys: readonly EncodableAs<Key>[]): Promise<(Value | undefined)[]> {
    return this.#keyspace.getMany(keys, this.#options);
  }

  /** As `Keyspace.getManySync`, at the snapshot's moment. */
  getManySync(keys: readonly EncodableAs<Key>[]): (Value | undefined)[] {
    return this.#keyspace.getManySync(keys, this.#options);
  }

  /** As `Keyspace.has`, at the snapshot's moment. */
  has(key: EncodableAs<Key>): Promise<boolean> {
    return this.#keyspace.has(key, this.#options);
  }

  /** As `Keyspace.hasSync`, at the snapshot's moment. */
  hasSync(key: EncodableAs<Key>): boolean {
    return this.#keyspace.hasSync(key, this.#options);
  }

  /** As `Keyspace.entries`, at the snapshot's moment. */
  entries(
    options?: Reads<IteratorOptions<EncodableAs<Key>>>,
  ): AsyncEntryIterator<[Key, Value], EncodableAs<Key>> {
    return this.#keyspace.entries({ ...options, ...this.#options });
  }

  /** As `Keyspace.entriesSync`, at the snapshot's moment. */
  entriesSync(
    options?: Reads<IteratorOptions<EncodableAs<Key>>>,
  ): SyncEntryIterator<[Key, Value], EncodableAs<Key>> {
    return this.#keyspace.entriesSync({ ...options, ...this.#options });
  }

  /** Lets compactions drop what only this snapshot saw. Closing twice is fine. */
  close(): void {
    this.pin.owner.remove(this.pin);
  }

  /** `close`, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  get #options(): ReadOptions {
    return { snapshot: this };
  }
}
