import { AbstractChainedBatch } from 'abstract-level';
import type { ChainedBatch } from '../index.js';
import { toLevelError } from './errors.js';
import { toInput, type Input, type Stores } from './stores.js';
import { durabilityOf } from './durability.js';
import type { ChainedBatchWriteOptions } from './types.js';

/** What `db.batch()` without arguments gives; keys and values are copied at once. */
export class NoriChainedBatch<Db, K, V> extends AbstractChainedBatch<Db, K, V> {
  readonly #batch: ChainedBatch<Input, Input>;

  constructor(db: Db, stores: Stores) {
    super(db);
    this.#batch = stores.database.batch();
  }

  protected _put(key: unknown, value: unknown): void {
    this.#batch.put(toInput(key), toInput(value));
  }

  protected _del(key: unknown): void {
    this.#batch.delete(toInput(key));
  }

  protected _clear(): void {
    this.#batch.clear();
  }

  protected async _write(options: ChainedBatchWriteOptions): Promise<void> {
    try {
      await this.#batch.commit(durabilityOf(options));
    } catch (error) {
      throw toLevelError(error);
    }
  }
}
