/**
 * Looks at the files of a database without opening it, also of one that does not open.
 *
 * @module nori-lsm/inspect
 */
export {
  verifyDatabase,
  type Damage,
  type VerifyOptions,
  type VerifyReport,
} from './verify/verify-database.js';
export { inspectFile, type InspectOptions } from './inspect/inspect-file.js';
export {
  inspectDirectory,
  type DirectoryOverview,
  type FileOverview,
  type FileState,
} from './inspect/inspect-directory.js';
export type {
  BatchFact,
  BlockFact,
  DamageFact,
  EditFact,
  EndFact,
  EntryFact,
  FileFact,
  HeaderFact,
  OperationFact,
  OperationKind,
  PropertiesFact,
  TornEndFact,
} from './inspect/facts.js';
export type { FileKind } from './base/file-header.js';
export type { FileId } from './base/checksum.js';
export type { TableMeta } from './base/table-meta.js';
export type { SettingValue, StoredSettings } from './manifest/settings-codec.js';
export type {
  AddedKeyspace,
  CleanClose,
  CompactionCursor,
  KeyspaceCounters,
  RemovedTable,
  VersionEdit,
} from './manifest/version-edit.js';
export type { TableProperties } from './sstable/properties.js';
export type { LogLinks } from './wal/log-format.js';
