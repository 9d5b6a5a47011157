import { invalidArgument, LsmError } from '../base/errors.js';
import type { KeyInput, WriteOptions } from './api-types.js';
import { EncodedBytes, type ValueEncoding } from './encoding.js';
import { WriteBatch } from '../wal/write-batch.js';
import { defaultKeyspaceId } from './core.js';

const key = new EncodedBytes(1024);
const value = new EncodedBytes(64 * 1024);

/** Encodes one put into `batch`. @throws LsmError `LSM_INVALID_ARGUMENT`, `LSM_TOO_LARGE`; the batch is as before then. */
export function encodePut(
  batch: WriteBatch,
  keyInput: KeyInput,
  valueInput: unknown,
  encoding: ValueEncoding,
): void {
  key.setKey(keyInput);
  value.setValue(valueInput, encoding);
  batch.put(defaultKeyspaceId, key.view(), value.view());
}

/** Encodes one delete into `batch`. @throws as `encodePut` */
export function encodeDelete(batch: WriteBatch, keyInput: KeyInput): void {
  key.setKey(keyInput);
  batch.delete(defaultKeyspaceId, key.view());
}

/** Encodes all operations, or throws and leaves nothing behind. */
export function encodeOperations(
  batch: WriteBatch,
  operations: readonly unknown[],
  encoding: ValueEncoding,
): void {
  if (!Array.isArray(operations)) throw invalidArgument('batch takes an array of operations');
  for (let i = 0; i < operations.length; i++) {
    const operation = operations[i] as { type?: unknown; key: KeyInput; value?: unknown } | null;
    if (operation !== null && typeof operation === 'object') {
      if (operation.type === 'put') {
        encodePut(batch, operation.key, operation.value, encoding);
        continue;
      }
      if (operation.type === 'delete' || operation.type === 'del') {
        encodeDelete(batch, operation.key);
        continue;
      }
    }
    throw invalidArgument(`operation ${i} of the batch is neither a put nor a delete`);
  }
}

/** How a chained batch reaches the database. */
export interface BatchTarget {
  readonly valueEncoding: ValueEncoding;
  readonly checkWritable: () => void;
  readonly commit: (batch: WriteBatch, options: WriteOptions) => Promise<void>;
  readonly commitSync: (batch: WriteBatch, options: WriteOptions) => void;
}

/**
 * Collects operations for one atomic write: `db.batch().put(…).delete(…).commit()`.
 * Keys and values are copied at once. Used for one commit.
 */
export class ChainedBatch<Value> {
  readonly #target: BatchTarget;
  readonly #batch = new WriteBatch();
  #isCommitted = false;

  /** @internal Made by `Database.batch()`. */
  constructor(target: BatchTarget) {
    this.#target = target;
  }

  /** Operations collected so far. */
  get length(): number {
    return this.#batch.count;
  }

  put(keyInput: KeyInput, valueInput: Value): this {
    this.#checkOpen();
    encodePut(this.#batch, keyInput, valueInput, this.#target.valueEncoding);
    return this;
  }

  delete(keyInput: KeyInput): this {
    this.#checkOpen();
    encodeDelete(this.#batch, keyInput);
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
    this.#take();
    await this.#target.commit(this.#batch, options);
  }

  commitSync(options: WriteOptions = {}): void {
    this.#take();
    this.#target.commitSync(this.#batch, options);
  }

  #take(): void {
    this.#checkOpen();
    this.#target.checkWritable();
    this.#isCommitted = true;
  }

  #checkOpen(): void {
    if (this.#isCommitted) {
      throw new LsmError('LSM_CLOSED', 'the batch is committed: begin another one');
    }
  }
}
