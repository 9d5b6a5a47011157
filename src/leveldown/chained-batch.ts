import { AbstractChainedBatch, type Callback } from 'abstract-leveldown';
import type { ChainedBatch } from '../index.js';
import { callBack } from './callbacks.js';
import { durabilityOf } from './durability.js';
import type { Data, LevelDownWriteOptions } from './types.js';

/** Keys and values are copied as they come. */
export class LevelDownBatch extends AbstractChainedBatch {
  readonly #batch: ChainedBatch<Data, Data>;

  constructor(db: object, batch: ChainedBatch<Data, Data>) {
    super(db);
    this.#batch = batch;
  }

  protected override _put(key: Data, value: Data): void {
    this.#batch.put(key, value);
  }

  protected override _del(key: Data): void {
    this.#batch.delete(key);
  }

  protected override _clear(): void {
    this.#batch.clear();
  }

  protected override _write(options: LevelDownWriteOptions, callback: Callback): void {
    callBack(callback, () => this.#batch.commit(durabilityOf(options)));
  }
}
