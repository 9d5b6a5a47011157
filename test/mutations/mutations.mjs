import { logMutations } from './log-mutations.mjs';
import { manifestMutations } from './manifest-mutations.mjs';
import { tableMutations } from './table-mutations.mjs';

/**
 * Ways to break the engine, each a change of one place, and the test that notices.
 * `find` stands exactly once in `file`. `caughtBy` names a test file, and a test in
 * it as its group and its name, joined with ' › '.
 *
 * @type {readonly {
 *   readonly name: string,
 *   readonly file: string,
 *   readonly find: string,
 *   readonly replace: string,
 *   readonly caughtBy: readonly string[],
 * }[]}
 */
export const mutations = [...logMutations, ...manifestMutations, ...tableMutations];
