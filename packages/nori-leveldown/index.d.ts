import type {
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
  ResultCallback,
} from 'nori-lsm/leveldown' with { 'resolution-mode': 'import' };

declare const leveldown: LevelDownConstructor;
declare namespace leveldown {
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
    ResultCallback,
  };
}
export = leveldown;
