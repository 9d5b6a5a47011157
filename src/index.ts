/**
 * An embedded, ordered, crash-safe key-value store. Begin at `open`, which gives
 * a `Database`; what it can do stands in `Keyspace`, its superclass.
 *
 * ```js
 * import { open } from 'nori-lsm';
 *
 * const db = await open('./my-data', { keyEncoding: 'utf8', valueEncoding: 'json' });
 * await db.put('user:1', { name: 'Ada' });
 * console.log(await db.get('user:1'));
 * await db.close();
 * ```
 *
 * @module nori-lsm
 */
import { Database } from './db/database.js';
import type { Decoded, KeyEncoding, ValueEncoding } from './db/encoding.js';
import { openParts } from './db/open.js';
import type { OpenOptions } from './db/options.js';

/**
 * Opens the database in the directory `path`, making it when it is missing.
 * One process at a time may have it open for writing.
 *
 * @param path - a directory of its own; relative to the working directory
 * @param options - see `OpenOptions`; all are optional
 * @throws LsmError `LSM_LOCKED` when somebody has it open, `LSM_CORRUPTION` when a
 * file is damaged, `LSM_NOT_A_DATABASE`, `LSM_UNSUPPORTED_FORMAT`, `LSM_NOT_FOUND`,
 * `LSM_EXISTS`, `LSM_INVALID_ARGUMENT`, `LSM_IO`, `LSM_NO_SPACE`, `LSM_TOO_MANY_FILES`
 */
export async function open<
  const Key extends KeyEncoding = 'view',
  const Value extends ValueEncoding = 'view',
>(
  path: string,
  options: OpenOptions & {
    readonly keyEncoding?: Key | undefined;
    readonly valueEncoding?: Value | undefined;
  } = {},
): Promise<Database<Decoded<Key>, Decoded<Value>>> {
  return new Database(await openParts(path, options));
}

export { Database, type TypedKeyspaceOptions } from './db/database.js';
export type { CheckpointReport } from './db/checkpoint.js';
export { Keyspace, type ValueEntry } from './db/keyspace.js';
export { destroy, type DestroyOptions, type DestroyReport } from './db/destroy.js';
export { repair, type RepairOptions } from './repair/repair.js';
export { discardLost, type DiscardReport } from './repair/discard-lost.js';
export type {
  LostPlace,
  RepairedLogs,
  RepairedTables,
  RepairReport,
} from './repair/repair-report.js';
export { Snapshot } from './db/snapshot.js';
export { ChainedBatch, type ElsewhereOptions } from './db/batch.js';
export { AsyncEntryIterator, SyncEntryIterator } from './db/iterator.js';
export type {
  AnyKeyspace,
  AnySnapshot,
  BatchOperation,
  IteratorOptions,
  KeyInput,
  RangeOptions,
  ReadOptions,
  WriteOptions,
} from './db/api-types.js';
export type {
  BackgroundErrorEvent,
  CompactionEvent,
  DatabaseEvents,
  DatabaseListeners,
  FlushEvent,
  ForgottenEvent,
  LockEvent,
  RecoveryEvent,
  StallEvent,
} from './db/event-types.js';
export type {
  DatabaseStats,
  KeyspaceStats,
  LevelStats,
  MemtableStats,
  WrittenStats,
} from './db/stats-types.js';
export type { Decoded, EncodableAs, Encoding, KeyEncoding, ValueEncoding } from './db/encoding.js';
export { defaultSettings } from './db/options.js';
export type { KeyspaceOptions, OpenOptions } from './db/options.js';
export type {
  DatabaseComponents,
  DatabaseSettings,
  Durability,
  Encodings,
  KeyspaceCompression,
  KeyspaceSettings,
  LevelSettings,
} from './db/settings.js';
export type { PresetName } from './db/presets.js';
export {
  LsmError,
  isLsmError,
  type ChecksumDamage,
  type FlippedBit,
  type LsmErrorCode,
  type LsmErrorDetails,
} from './base/errors.js';
export { BlockCache } from './sstable/block-cache.js';
export type { CachePriority, Compression } from './base/table-meta.js';
export { systemClock, type Clock } from './base/clock.js';
export type { RandomSource } from './base/prng.js';
export type { Damage, Leftover, VerifyReport } from './verify/verify-database.js';
