import type { Compression, TableSettings } from '../base/table-meta.js';
import type { StoredSettings } from '../manifest/settings-codec.js';
import { maxBlockSizeBytes, maxBloomBitsPerKey, minBlockSizeBytes } from '../sstable/format.js';

const codecs: readonly unknown[] = ['none', 'lz4', 'zstd'] satisfies Compression[];

function isWithin(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && value >= least && value <= most;
}

/** How tables are written anew: as the keyspace says, where that is known and possible. Compactions give them their level's form in time. */
export function tableSettingsOf(stored: StoredSettings): TableSettings {
  const { compression, blockSizeBytes, bloomBitsPerKey } = stored;
  return {
    compression: codecs.includes(compression) ? (compression as Compression) : 'lz4',
    blockSizeBytes: isWithin(blockSizeBytes, minBlockSizeBytes, maxBlockSizeBytes)
      ? blockSizeBytes
      : 4096,
    bloomBitsPerKey: isWithin(bloomBitsPerKey, 0, maxBloomBitsPerKey) ? bloomBitsPerKey : 10,
    cachePriority: 'normal',
  };
}

/** Size at which an output of a merge ends, in file bytes. */
export function tableBytesOf({ tableBytes }: StoredSettings): number {
  return isWithin(tableBytes, 16 * 1024, 2 ** 30) ? tableBytes : 16 * 1024 * 1024;
}
