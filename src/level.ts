/**
 * nori-lsm in the place of classic-level and level: a class with the interface of
 * abstract-level.
 *
 * ```js
 * import { NoriLevel } from 'nori-lsm/level';
 *
 * const db = new NoriLevel('./db', { valueEncoding: 'json' });
 * await db.batch([{ type: 'put', key: 'a', value: 1 }]);
 * for await (const [key, value] of db.iterator({ gte: 'a' })) console.log(key, value);
 * await db.close();
 * ```
 *
 * @module nori-lsm/level
 */
export { NoriLevel, NoriLevel as Level } from './level/nori-level.js';
export type {
  AdditionalIteratorOptions,
  BatchOperation,
  BatchOptions,
  ChainedBatch,
  ChainedBatchWriteOptions,
  DatabaseOptions,
  DelOptions,
  GetManyOptions,
  GetOptions,
  HasManyOptions,
  HasOptions,
  Iterator,
  IteratorOptions,
  KeyIterator,
  KeyIteratorOptions,
  LevelWithOptions,
  NoriOptions,
  OpenOptions,
  PutOptions,
  ReadOptions,
  Snapshot,
  StartEndOptions,
  ValueIterator,
  ValueIteratorOptions,
  WriteOptions,
} from './level/types.js';
