/**
 * Looks at the files of a database without opening it, also of one that does not open:
 * `verifyDatabase` checks all of them, `inspectDirectory` tells what each is for, and
 * `inspectFile` what is in one.
 *
 * ```js
 * import { inspectFile } from 'nori-lsm/inspect';
 *
 * for await (const fact of inspectFile('./my-data/000003.log')) {
 *   if (fact.type === 'damage') console.error(`at ${fact.offset}: ${fact.what}`);
 *   if (fact.type === 'operation') console.log(fact.seq, fact.kind, fact.key);
 * }
 * ```
 *
 * @module nori-lsm/inspect
 */
export {
  verifyDatabase,
  type Damage,
  type Leftover,
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
export type { ChecksumDamage, FlippedBit } from './base/errors.js';
