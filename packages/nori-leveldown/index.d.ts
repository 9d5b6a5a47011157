import type * as bridge from 'nori-lsm/leveldown' with { 'resolution-mode': 'import' };

declare const leveldown: bridge.LevelDownConstructor;
declare namespace leveldown {
  type Data = bridge.Data;
  type ErrorCallback = bridge.ErrorCallback;
  type LevelDown = bridge.LevelDown;
  type LevelDownChainedBatch = bridge.LevelDownChainedBatch;
  type LevelDownConstructor = bridge.LevelDownConstructor;
  type LevelDownGetOptions = bridge.LevelDownGetOptions;
  type LevelDownIterator = bridge.LevelDownIterator;
  type LevelDownIteratorOptions = bridge.LevelDownIteratorOptions;
  type LevelDownOpenOptions = bridge.LevelDownOpenOptions;
  type LevelDownOperation = bridge.LevelDownOperation;
  type LevelDownRange = bridge.LevelDownRange;
  type LevelDownWriteOptions = bridge.LevelDownWriteOptions;
  type ResultCallback<T> = bridge.ResultCallback<T>;
}
export = leveldown;
