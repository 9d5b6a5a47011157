import { assert } from '../base/assert.js';
import { invalidArgument } from '../base/errors.js';
import { WriteBatch } from '../wal/write-batch.js';
import type { WriteOptions } from './api-types.js';
import {
  ChainedBatch,
  encodeDelete,
  encodeOperations,
  encodePut,
  type WriteTarget,
} from './batch.js';
import type { WriterParts } from './database-parts.js';
import { checkNames, show } from './option-names.js';
import type { Durability } from './settings.js';

const writeOptionNames = ['durability'] satisfies (keyof WriteOptions)[];

/** The writes of a keyspace: operations are encoded into a batch, which the write path takes. */
export class KeyspaceWrites {
  readonly #target: WriteTarget;
  /** Undefined when the database is read-only. */
  readonly #writer: WriterParts | undefined;
  /** Undefined while a write has it: an encoding, or a listener, may write in the midst of another write. */
  #idleBatch: WriteBatch | undefined = new WriteBatch();

  constructor(target: WriteTarget, writer: WriterParts | undefined) {
    this.#target = target;
    this.#writer = writer;
  }

  put(key: unknown, value: unknown, options: WriteOptions | undefined): Promise<void> {
    try {
      const batch = this.#takeBatch();
      encodePut(batch, this.#target, key, value);
      return this.#write(batch, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  putSync(key: unknown, value: unknown, options: WriteOptions | undefined): void {
    const batch = this.#takeBatch();
    encodePut(batch, this.#target, key, value);
    this.#writeSync(batch, options);
  }

  delete(key: unknown, options: WriteOptions | undefined): Promise<void> {
    try {
      const batch = this.#takeBatch();
      encodeDelete(batch, this.#target, key);
      return this.#write(batch, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  deleteSync(key: unknown, options: WriteOptions | undefined): void {
    const batch = this.#takeBatch();
    encodeDelete(batch, this.#target, key);
    this.#writeSync(batch, options);
  }

  batch(operations: readonly unknown[], options: WriteOptions | undefined): Promise<void> {
    try {
      const batch = this.#takeBatch();
      encodeOperations(batch, this.#target, operations);
      return this.#write(batch, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  batchSync(operations: readonly unknown[], options: WriteOptions | undefined): void {
    const batch = this.#takeBatch();
    encodeOperations(batch, this.#target, operations);
    this.#writeSync(batch, options);
  }

  chain<Key, Value>(): ChainedBatch<Key, Value> {
    const { writes } = this.writer();
    return new ChainedBatch({
      target: this.#target,
      checkWritable: () => void this.writer(),
      commit: (batch, options, isFree) => {
        const durability = this.#durability(options);
        const done = batch.count === 0 ? Promise.resolve() : writes.write(batch, durability);
        if (batch.count === 0 || !writes.tookBatch) isFree();
        return done;
      },
      commitSync: (batch, options) => {
        const durability = this.#durability(options);
        if (batch.count > 0) writes.writeSync(batch, durability);
      },
    });
  }

  /** What writes. @throws LsmError `LSM_CLOSED`, `LSM_READ_ONLY`, `LSM_FAILED` when they are not taken */
  writer(): WriterParts {
    const { core, keyspace } = this.#target;
    core.checkWritable();
    if (keyspace.isDropped) throw core.droppedError(keyspace);
    assert(this.#writer !== undefined, 'a read-only database refuses writes');
    return this.#writer;
  }

  #takeBatch(): WriteBatch {
    this.writer();
    const batch = this.#idleBatch ?? new WriteBatch();
    this.#idleBatch = undefined;
    batch.clear();
    return batch;
  }

  #write(batch: WriteBatch, options: WriteOptions | undefined): Promise<void> {
    const { writes } = this.writer();
    const durability = this.#durability(options);
    if (batch.count === 0) return Promise.resolve();
    const done = writes.write(batch, durability);
    if (!writes.tookBatch) this.#idleBatch = batch;
    return done;
  }

  #writeSync(batch: WriteBatch, options: WriteOptions | undefined): void {
    const durability = this.#durability(options);
    if (batch.count > 0) this.writer().writes.writeSync(batch, durability);
    this.#idleBatch = batch;
  }

  #durability(options: WriteOptions | undefined): Durability {
    if (options !== undefined) checkNames(options, writeOptionNames, 'a write');
    const asked = options?.durability;
    if (asked === undefined) return this.#target.core.settings.durability;
    if (asked !== 'none' && asked !== 'os' && asked !== 'disk') {
      throw invalidArgument(`durability must be 'none', 'os' or 'disk', not ${show(asked)}`);
    }
    return asked;
  }
}
