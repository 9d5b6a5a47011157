/**
 * nori-lsm in the place of leveldown: the callbacks of abstract-leveldown 7, which
 * has to be installed beside it (the package `nori-leveldown` brings it along).
 *
 * ```js
 * import levelup from 'levelup';
 * import { leveldown } from 'nori-lsm/leveldown';
 *
 * const db = levelup(leveldown('./db'));
 * await db.put('a', '1');
 * ```
 *
 * @module nori-lsm/leveldown
 */
export { leveldown } from './leveldown/leveldown.js';
export type {
  Data,
  ErrorCallback,
  LevelDown,
  LevelDownChainedBatch,
  LevelDownConstructor,
  LevelDownGetOptions,
  LevelDownIterator,
  LevelDownIteratorOptions,
  LevelDownOpenOptions,
  LevelDownOperation,
  LevelDownRange,
  LevelDownWriteOptions,
  NoriOptions,
  ResultCallback,
} from './leveldown/types.js';
