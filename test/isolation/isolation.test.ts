import { expect, test } from 'vitest';
import { MemoryFileSystem } from '../../src/fs.js';
import { open } from '../../src/index.js';
import { verifyDatabase } from '../../src/inspect.js';
import { reportCounts } from '../support/counts.js';
import { seedsOf, withSeed } from '../support/seeds.js';
import { bankSettings, newCounts, runBank } from './session.js';

/*
 * T9: money moves between accounts in three keyspaces while flushes and
 * compactions run, keyspaces come and go, and readers of all kinds look on. Every
 * reader sees exactly one moment, and in each of them the total is the same.
 */
const testFile = 'test/isolation/isolation.test.ts';

test('every reader sees one moment', { timeout: 3_600_000 }, async () => {
  const counts = newCounts();
  for (const seed of seedsOf(4)) {
    await withSeed(seed, testFile, async () => {
      const fs = new MemoryFileSystem();
      await runBank(seed, () => open('/bank', { ...bankSettings, fs }), 1200, counts);
      expect((await verifyDatabase('/bank', { fs })).damages).toEqual([]);
    });
  }
  const floors = {
    transfers: 2000,
    reads: 300,
    iterated: 3500,
    snapshots: 150,
    flushes: 300,
    compactions: 200,
    drops: 20,
  };
  reportCounts('T9', 'a bank in memory', { ...counts }, floors);
});
