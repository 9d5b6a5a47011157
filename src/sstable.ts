/**
 * Immutable sorted tables, usable without the engine: write one with
 * `SSTableBuilder`, read it with `SSTableReader`, merge several with `mergeEntries`.
 *
 * @module nori-lsm/sstable
 */
export { Entry } from './base/entry.js';
export { kindDelete, kindPut, type EntryKind } from './base/internal-key.js';
export {
  isLsmError,
  LsmError,
  type ChecksumDamage,
  type FlippedBit,
  type LsmErrorCode,
  type LsmErrorDetails,
} from './base/errors.js';
export type { CachePriority, Compression } from './base/table-meta.js';
export { BlockCache, type BlockCacheOptions } from './sstable/block-cache.js';
export { BloomFilter } from './sstable/bloom-filter.js';
export { SSTableBuilder } from './sstable/sstable-builder.js';
export type { SSTableBuilderOptions } from './sstable/builder-options.js';
export { codecIds, codecNamed, loadCodecs, type Codec } from './sstable/codecs.js';
export { mergeEntries, type EntrySource, type MergedEntries } from './sstable/merge-entries.js';
export { SSTableIterator, type SSTableRange } from './sstable/sstable-iterator.js';
export type { SSTableMetadata } from './sstable/sstable-metadata.js';
export {
  SSTableReader,
  type SSTableEntries,
  type SSTableGetOptions,
  type SSTableReaderOptions,
} from './sstable/sstable-reader.js';
export type { TableProperties } from './sstable/properties.js';
export type { AffectedKeys, TableVerification } from './sstable/table-verification.js';
