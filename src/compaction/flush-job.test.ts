import { beforeAll, describe, expect, it } from 'vitest';
import { Entry } from '../base/entry.js';
import { maxSeq } from '../base/internal-key.js';
import { loadCodecs } from '../sstable/codecs.js';
import { manyEntries, randomEntries } from '../../test/compaction/cursors.js';
import { contentOf, newDisk, readAt, run } from '../../test/compaction/jobs.js';
import { forEachSeed } from '../../test/compaction/seeds.js';
import { flushOf, freeze, namesFrom, readTable } from '../../test/compaction/tables.js';

beforeAll(() => loadCodecs());

describe('a flush job', () => {
  it('writes one table of what readers need, tombstones included', async () => {
    const fs = await newDisk();
    const entries = [
      Entry.put('a', 'new', 7),
      Entry.put('a', 'seen', 4),
      Entry.put('a', 'hidden', 2),
      Entry.delete('b', 6),
      Entry.put('b', 'hidden', 1),
    ];
    const result = run(fs, flushOf(freeze(entries), { snapshotSeqs: [5], flushedSeq: 7 }));
    expect(contentOf(fs, result)).toEqual(['a@7=new', 'a@4=seen', 'b@6=deleted', 'b@1=hidden']);
    expect(result.tables[0]).toMatchObject({
      keyspaceId: 3,
      level: 0,
      fileNumber: 1000,
      tombstones: 1,
      smallestSeq: 1,
      largestSeq: 7,
    });
    expect(result.counters).toMatchObject({ entriesIn: 5, entriesOut: 4, fileBytesRead: 0 });
  });

  it('follows the naive model for any memtable', async () => {
    const base = await newDisk();
    forEachSeed(25, (random) => {
      const fs = base.clone();
      const entries = randomEntries(random, 1 + random.below(200));
      const snapshotSeqs = random.chance(0.5) ? [random.below(200)] : [];
      const result = run(fs, flushOf(freeze(entries), { snapshotSeqs }));
      expect(result.tables.length).toBe(1);
      const output = readTable(fs, result.tables[0]);
      for (const seq of [...snapshotSeqs, maxSeq]) {
        expect(readAt(output, seq)).toEqual(readAt(entries, seq));
      }
      // Older tables may lie below, so every key keeps its newest version.
      const keys = new Set(entries.map((entry) => Buffer.from(entry.key).toString('hex')));
      expect(new Set(output.map((entry) => Buffer.from(entry.key).toString('hex')))).toEqual(keys);
    });
  });

  it('writes nothing for an empty memtable', async () => {
    const fs = await newDisk();
    expect(run(fs, flushOf(freeze([]))).tables).toEqual([]);
    expect(fs.snapshotFiles().size).toBe(0);
  });

  it('ends with one table whatever the size', async () => {
    const fs = await newDisk();
    const result = run(fs, flushOf(freeze(manyEntries(5000)), { outputs: namesFrom(9, 1) }));
    expect(result.tables.length).toBe(1);
    expect(contentOf(fs, result).length).toBe(5000);
  });
});
