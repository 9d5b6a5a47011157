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
