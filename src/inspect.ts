/**
 * Looks at the files of a database without opening it.
 * @packageDocumentation
 */
export {
  verifyDatabase,
  type Damage,
  type VerifyOptions,
  type VerifyReport,
} from './verify/verify-database.js';
