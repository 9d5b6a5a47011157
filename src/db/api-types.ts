import type { KeyInput } from './encoding.js';
import type { Durability } from './settings.js';
import type { SnapshotPin } from './snapshot-list.js';

export type { KeyInput };

/**
 * One operation of a batch. Without `keyspace` it goes where the batch was begun;
 * with one, key and value are what that keyspace's encodings take.
 */
export type BatchOperation<Key, Value> =
  | {
      /** Stores `value` under `key`. */
      readonly type: 'put';
      /** As the keyspace takes it that the batch belongs to. */
      readonly key: Key;
      /** As the keyspace takes it that the batch belongs to. */
      readonly value: Value;
      /** Absent: the keyspace that the batch belongs to. */
      readonly keyspace?: undefined;
    }
  | {
      /** Removes `key`. */
      readonly type: 'delete';
      /** As the keyspace takes it that the batch belongs to. */
      readonly key: Key;
      /** Absent: the keyspace that the batch belongs to. */
      readonly keyspace?: undefined;
    }
  | {
      /** Stores `value` under `key` in another keyspace. */
      readonly type: 'put';
      /** As that keyspace takes it. */
      readonly key: unknown;
      /** As that keyspace takes it. */
      readonly value: unknown;
      /** One of the same database. */
      readonly keyspace: AnyKeyspace;
    }
  | {
      /** Removes `key` from another keyspace. */
      readonly type: 'delete';
      /** As that keyspace takes it. */
      readonly key: unknown;
      /** One of the same database. */
      readonly keyspace: AnyKeyspace;
    };

/** What a single write asks for. */
export interface WriteOptions {
  /** Overrides the database's durability for this write. */
  readonly durability?: Durability | undefined;
}

/** A `Keyspace` of the same database, whatever its encodings. */
export interface AnyKeyspace {
  /** As given to `Database.keyspace`. */
  readonly name: string;
  /** A frozen view of all keyspaces. */
  snapshot(): AnySnapshot;
}

/** A `Snapshot` of any keyspace of the database. */
export interface AnySnapshot {
  /** @internal */
  readonly pin: SnapshotPin;
  /** The newest sequence number that it sees. */
  readonly seq: number;
  /** True once it was closed, by its user or with the database. */
  readonly isClosed: boolean;
}

/** What every read takes. */
export interface ReadOptions {
  /** Reads as of this snapshot. Default: the newest state. */
  readonly snapshot?: AnySnapshot | undefined;
}

/** A range of keys. At most one lower bound, one upper bound; `prefix` excludes both. */
export interface RangeOptions<Key = KeyInput> {
  /** Only keys behind this one. */
  readonly gt?: Key | undefined;
  /** Only this key and those behind it. */
  readonly gte?: Key | undefined;
  /** Only keys before this one. */
  readonly lt?: Key | undefined;
  /** Only this key and those before it. */
  readonly lte?: Key | undefined;
  /** All keys that begin with these bytes (of a string: its UTF-8), whatever the key encoding. */
  readonly prefix?: KeyInput | undefined;
}

/** Which entries an iterator gives, in which order, as of when. */
export interface IteratorOptions<Key = KeyInput> extends RangeOptions<Key>, ReadOptions {
  /** From the last key to the first. Default false. */
  readonly reverse?: boolean | undefined;
  /** At most so many entries. Default: all (Infinity; -1 means the same). */
  readonly limit?: number | undefined;
  /** Ends an asynchronous iteration with `LSM_ABORTED`. */
  readonly signal?: AbortSignal | undefined;
  /** Stays open at its end, for a `seek` from there; then it has to be closed. Default false: it closes itself. */
  readonly stayOpen?: boolean | undefined;
}
