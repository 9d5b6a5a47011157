import { invalidArgument, LsmError } from '../base/errors.js';
import { WriteBatch } from '../wal/write-batch.js';
import type { AnyKeyspace, WriteOptions } from './api-types.js';
import type { Core } from './core.js';
import { EncodedBytes, encodeKey, encodeValue } from './encoding.js';
import type { KeyspaceCore } from './keyspace-core.js';
import type { Encodings } from './settings.js';

const key = new EncodedBytes(1024);
const value = new EncodedBytes(64 * 1024);

/** Where operations go, and how keys and values become bytes there. */
export interface WriteTarget extends Encodings {
  readonly core: Core;
  readonly keyspace: KeyspaceCore;
}

/** What stands behind the keyspaces that users hold. */
const targets = new WeakMap<object, WriteTarget>();

export function registerTarget(keyspace: object, target: WriteTarget): void {
  targets.set(keyspace, target);
}

/** Batches that were committed, for the next ones: a fresh one grows its buffer anew, half a megabyte of garbage for a thousand puts. */
const idleBatches: WriteBatch[] = [];
const mostIdleBatches = 8;
/** Stands where a batch was that is committed. */
const noBatch = new WriteBatch();

function takeBatch(): WriteBatch {
  return idleBatches.pop() ?? new WriteBatch();
}

function giveBack(batch: WriteBatch): void {
  if (idleBatches.length >= mostIdleBatches) return;
  batch.clear();
  idleBatches.push(batch);
}

/** Encodes one put into `batch`. @throws LsmError `LSM_INVALID_ARGUMENT`, `LSM_TOO_LARGE`; the batch is as before then. */
export function encodePut(
  batch: WriteBatch,
  target: WriteTarget,
  keyInput: unknown,
  valueInput: unknown,
): void {
  const encodedKey = encodeKey(keyInput, target.keyEncoding);
  const encodedValue = encodeValue(valueInput, target.valueEncoding);
  key.setEncodedKey(encodedKey);
  value.setEncodedValue(encodedValue);
  batch.put(target.keyspace.id, key.view(), value.view());
}

/** Encodes one delete into `batch`. @throws as `encodePut` */
export function encodeDelete(batch: WriteBatch, target: WriteTarget, keyInput: unknown): void {
  key.setKey(keyInput, target.keyEncoding);
  batch.delete(target.keyspace.id, key.view());
}

/** Encodes all operations, or throws and leaves nothing behind. */
export function encodeOperations(
  batch: WriteBatch,
  target: WriteTarget,
  operations: readonly unknown[],
): void {
  if (!Array.isArray(operations)) throw invalidArgument('batch takes an array of operations');
  for (let i = 0; i < operations.length; i++) {
    const operation = operations[i] as {
      type?: unknown;
      key: unknown;
      value?: unknown;
      keyspace?: unknown;
    } | null;
    if (operation !== null && typeof operation === 'object') {
      const { type, keyspace } = operation;
      const place = keyspace === undefined ? target : targetOf(keyspace, target.core);
      if (type === 'put') {
        encodePut(batch, place, operation.key, operation.value);
        continue;
      }
      if (type === 'delete' || type === 'del') {
        encodeDelete(batch, place, operation.key);
        continue;
      }
    }
    throw invalidArgument(`operation ${i} of the batch is neither a put nor a delete`);
  }
}

function targetOf(keyspace: unknown, core: Core): WriteTarget {
  const isObject = typeof keyspace === 'object' && keyspace !== null;
  const target = isObject ? targets.get(keyspace) : undefined;
  if (target === undefined || target.core !== core) {
    throw invalidArgument("an operation's keyspace must be a Keyspace of the same database");
  }
  core.checkReadable(target.keyspace);
  return target;
}

/** Sends one operation of a chained batch to another keyspace of the database. */
export interface ElsewhereOptions {
  /** A keyspace of the same database. */
  readonly keyspace: AnyKeyspace;
}

/** How a chained batch reaches the database. */
export interface BatchCommits {
  readonly target: WriteTarget;
  readonly checkWritable: () => void;
  /** Calls `isFree` before it returns when the batch is not needed any more. */
  readonly commit: (batch: WriteBatch, options: WriteOptions, isFree: () => void) => Promise<void>;
  readonly commitSync: (batch: WriteBatch, options: WriteOptions) => void;
}

/**
 * Collects operations for one atomic write: `db.batch().put(…).delete(…).commit()`.
 * Keys and values are copied at once. Used for one commit.
 */
export class ChainedBatch<Key, Value> {
  readonly #commits: BatchCommits;
  #batch = takeBatch();
  #isCommitted = false;
  #length = 0;

  /** @internal Made by `Keyspace.batch()`. */
  constructor(commits: BatchCommits) {
    this.#commits = commits;
  }

  /** Operations collected so far, also when they are committed. */
  get length(): number {
    return this.#isCommitted ? this.#length : this.#batch.count;
  }

  /** Adds a put; with `keyspace`, key and value are what that keyspace takes. */
  put(keyInput: Key, valueInput: Value): this;
  put(keyInput: unknown, valueInput: unknown, options: ElsewhereOptions): this;
  put(keyInput: unknown, valueInput: unknown, options?: ElsewhereOptions): this {
    this.#checkOpen();
    encodePut(this.#batch, this.#place(options), keyInput, valueInput);
    return this;
  }

  /** Adds a delete; with `keyspace`, the key is what that keyspace takes. */
  delete(keyInput: Key): this;
  delete(keyInput: unknown, options: ElsewhereOptions): this;
  delete(keyInput: unknown, options?: ElsewhereOptions): this {
    this.#checkOpen();
    encodeDelete(this.#batch, this.#place(options), keyInput);
    return this;
  }

  /** Forgets the operations collected so far. */
  clear(): this {
    this.#checkOpen();
    this.#batch.clear();
    return this;
  }

  /** Writes all of it or nothing; settles at the durability asked for. */
  async commit(options: WriteOptions = {}): Promise<void> {
    const batch = this.#take();
    await this.#commits.commit(batch, options, () => giveBack(batch));
  }

  /** As `commit`, before it returns. */
  commitSync(options: WriteOptions = {}): void {
    const batch = this.#take();
    this.#commits.commitSync(batch, options);
    giveBack(batch);
  }

  #place(options: ElsewhereOptions | undefined): WriteTarget {
    const { target } = this.#commits;
    return options?.keyspace === undefined ? target : targetOf(options.keyspace, target.core);
  }

  /** The batch is used up: what it held goes with it. */
  #take(): WriteBatch {
    this.#checkOpen();
    this.#commits.checkWritable();
    this.#isCommitted = true;
    const batch = this.#batch;
    this.#batch = noBatch;
    this.#length = batch.count;
    return batch;
  }

  #checkOpen(): void {
    if (this.#isCommitted) {
      throw new LsmError('LSM_CLOSED', 'the batch is committed: begin another one');
    }
  }
}
