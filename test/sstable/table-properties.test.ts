import { beforeAll, describe, expect, test } from 'vitest';
import { maxSeq } from '../../src/base/internal-key.js';
import { Prng } from '../../src/base/prng.js';
import { runSync } from '../../src/base/task.js';
import type { Entry } from '../../src/base/entry.js';
import { MemoryFileSystem } from '../../src/fs/memory-file-system.js';
import { BlockCache } from '../../src/sstable/block-cache.js';
import { loadCodecs } from '../../src/sstable/codecs.js';
import { TableReader } from '../../src/sstable/table-reader.js';
import {
  allCompressions,
  compareEntries,
  current,
  getSync,
  modelGet,
  randomEntries,
  randomKey,
  same,
  scanSync,
  settle,
  show,
  smallParts,
  testDatabaseId,
  testSeed,
  writeTable,
} from './table-model.js';

beforeAll(loadCodecs);

const seed = testSeed();

describe.each(allCompressions)('a table with codec %s', (compression) => {
  test.each([
    [64, 'parts'],
    [333, 'parts'],
    [333, 'one piece'],
    [4096, 'one piece'],
    [65_536, 'one piece'],
  ])(
    'and blocks of %i bytes, index and filter in %s, answers as a sorted array does',
    (size, form) => {
      const name = `NORI_SEED=${seed}`;
      const prng = new Prng(seed ^ size);
      const layout = form === 'parts' ? smallParts : undefined;
      for (const bloomBitsPerKey of [0, 10]) {
        for (const capacityBytes of [0, 20_000, 2 ** 22]) {
          const entries = randomEntries(prng, [0, 1, 2, 300, 300][prng.below(5)]);
          const fs = new MemoryFileSystem();
          const settings = { compression, blockSizeBytes: size, bloomBitsPerKey };
          const meta = writeTable(fs, 't.sst', entries, settings, { layout });
          const blockCache = new BlockCache({ capacityBytes });
          const expected = { ...meta, databaseId: testDatabaseId };
          const table = runSync(TableReader.open({ fs, path: 't.sst', blockCache, expected }));
          if (form === 'parts' && entries.length > 100) {
            expect(table.properties.indexLevels, name).toBe(2);
            expect(table.properties.filterParts > 1, name).toBe(bloomBitsPerKey > 0);
          }
          same(scanSync(table).map(show).join(), entries.map(show).join(), () => name);
          checkLookups(table, entries, prng, name);
          checkCursor(table, entries, prng, name);
          expect(runSync(table.verify()), name).toMatchObject({
            entries: entries.length,
            damages: [],
          });
          expect(blockCache.usedBytes - blockCache.reservedBytes).toBeLessThanOrEqual(
            capacityBytes,
          );
          runSync(table.close());
          expect(blockCache.usedBytes).toBe(0);
        }
      }
    },
  );
});

function checkLookups(
  table: TableReader,
  entries: readonly Entry[],
  prng: Prng,
  name: string,
): void {
  const probes = Array.from({ length: 100 }, () => randomKey(prng));
  for (const { key } of entries) probes.push(key);
  for (const key of probes) {
    const versions = entries.filter((entry) => Buffer.compare(entry.key, key) === 0);
    const seqs = versions.flatMap(({ seq }) => [seq - 1, seq, Math.min(seq + 1, maxSeq)]);
    for (const seq of [0, maxSeq, ...seqs]) {
      if (seq < 0) continue;
      same(
        show(getSync(table, key, seq)),
        show(modelGet(versions, key, seq)),
        () => `${name} key ${key.join()} seq ${seq}`,
      );
    }
  }
}

/** Random calls of every kind against an index into the array. */
function checkCursor(
  table: TableReader,
  entries: readonly Entry[],
  prng: Prng,
  name: string,
): void {
  const cursor = table.cursor();
  let at = -1;
  for (let step = 0; step < 1000; step++) {
    const isValid = at >= 0 && at < entries.length;
    const action = prng.below(isValid ? 12 : 4);
    if (action === 0) {
      settle(cursor, () => cursor.first());
      at = 0;
    } else if (action === 1) {
      settle(cursor, () => cursor.last());
      at = entries.length - 1;
    } else if (action < 4) {
      const near = entries[prng.below(Math.max(1, entries.length))];
      const key = near === undefined || prng.chance(0.3) ? randomKey(prng) : near.key;
      const seq = [0, maxSeq, near?.seq ?? 5][prng.below(3)];
      const target = { key, seq, kind: 0, value: key } as Entry;
      const bound = entries.filter((entry) => compareEntries(entry, target) < 0).length;
      if (action === 2) settle(cursor, () => cursor.seek(key, seq));
      else settle(cursor, () => cursor.seekBefore(key, seq));
      at = action === 2 ? bound : bound - 1;
    } else if (action < 8) {
      settle(cursor, () => cursor.next());
      at++;
    } else {
      settle(cursor, () => cursor.prev());
      at--;
    }
    same(show(current(cursor)), show(entries[at]), () => `${name} step ${step}`);
  }
  cursor.close();
}
