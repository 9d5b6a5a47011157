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
  type KeyspaceOverview,
  type TableOverview,
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
  InspectedKind,
  KeyFact,
  LogLinksFact,
  OperationFact,
  OperationKind,
  PlacedFact,
  PropertiesFact,
  TornEndFact,
} from './inspect/facts.js';
