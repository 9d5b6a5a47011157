import type { WriteOptions } from '../index.js';
import type { LevelDownWriteOptions } from './types.js';

const onDisk: WriteOptions = Object.freeze({ durability: 'disk' });

/** `sync: true` waits for the disk; otherwise the database's own durability holds. */
export function durabilityOf({ sync }: LevelDownWriteOptions): WriteOptions | undefined {
  return sync === true ? onDisk : undefined;
}
