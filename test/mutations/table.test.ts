import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { testNamesIn } from '../protocol/test-names.js';
import { root } from '../tidy/project-files.js';
import { mutations } from './mutations.mjs';

/** Each of them must be among the mutations, whatever else is. */
const wanted = [
  'skip the directory sync after a new table',
  'skip the directory sync after renaming CURRENT',
  'skip the log sync before the edit of a flush',
  'acknowledge `disk` before fdatasync',
  'install a compaction as two records',
  'read L0 oldest first',
  'drop tombstones one level early',
  'drop tombstones while a snapshot needs them',
  'ignore block checksums',
  "ignore the checksum's binding to its place",
  'reuse a file number after a crash',
  'replay only the newest log',
  'replay entries below flushedSeq',
  'cut the torn tail of a manifest without recording it: tables that nothing names are deleted',
  'swallow a failed fsync',
  'delete inputs before the edit is durable',
];

describe('the mutations', () => {
  it('are at least those that must be caught, each once', () => {
    const names = mutations.map(({ name }) => name);
    expect(wanted.filter((name) => !names.includes(name))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
  });

  it.each(mutations)('$name: there is one place to be changed', ({ file, find, replace }) => {
    const pieces = readFileSync(join(root, file), 'utf8').split(find);
    expect(pieces.length - 1, `${find} in ${file}`).toBe(1);
    expect(replace).not.toBe(find);
  });

  it('are caught by tests that exist', () => {
    const missing = mutations
      .map(({ caughtBy }) => caughtBy)
      .filter(([file, test]) => !testNamesIn(file).includes(test));
    expect(missing).toEqual([]);
  });
});
