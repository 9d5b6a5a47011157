import { describe, expect, it } from 'vitest';
import { Prng } from '../../src/base/prng.js';
import type { OpenOptions } from '../../src/index.js';
import {
  bytesOf,
  entryBytes,
  expectWork,
  keyAt,
  openWatched,
  settled,
  small,
  value,
  type Watched,
} from './work.js';

/** Nothing is flushed by itself. */
const large = { ...small, memtableBytes: 64 * 1024 * 1024 };
const logWrite = /^write \d+\.log/;
const logSync = /^sync \d+\.log/;

async function withDatabase(
  options: OpenOptions,
  use: (watched: Watched) => Promise<void>,
): Promise<void> {
  const watched = await openWatched(options);
  await settled(watched.db);
  watched.takeCalls(/^/);
  await use(watched);
  await watched.db.close();
}

describe('the log', () => {
  const ticks = 20;
  const perTick = 50;

  it.each(['none', 'os', 'disk'] as const)(
    'takes all writes of a tick in one write: %s',
    async (durability) => {
      await withDatabase(large, async ({ db, takeCalls }) => {
        for (let tick = 0; tick < ticks; tick++) {
          const writes = Array.from({ length: perTick }, (_, i) =>
            db.put(keyAt(tick * perTick + i), value, { durability }),
          );
          await Promise.all(writes);
          // What `none` has in its buffer goes out with the tick.
          await new Promise((resolve) => void setImmediate(resolve));
        }
        const calls = takeCalls(/\.log/);
        const writes = calls.filter((call) => logWrite.test(call)).length;
        const syncs = calls.filter((call) => logSync.test(call)).length;
        expectWork(`${durability}: log writes per tick`, writes / ticks, { least: 1, most: 1.1 });
        const least = durability === 'disk' ? 1 : 0;
        expectWork(`${durability}: syncs per tick`, syncs / ticks, { least, most: 1.1 * least });
      });
    },
  );

  it('takes what comes while it syncs in the next sync: many writers share one', async () => {
    await withDatabase(large, async ({ db, takeCalls }) => {
      const writer = async (number: number): Promise<void> => {
        for (let i = 0; i < ticks; i++) {
          await db.put(keyAt(number * ticks + i), value, { durability: 'disk' });
        }
      };
      await Promise.all(Array.from({ length: 64 }, (_, number) => writer(number)));
      const calls = takeCalls(/\.log/);
      const writes = 64 * ticks;
      expectWork(
        '64 writers: writes per sync',
        writes / calls.filter((call) => logSync.test(call)).length,
        {
          least: 30,
          most: 64,
        },
      );
      expectWork(
        '64 writers: writes per log write',
        writes / calls.filter((call) => logWrite.test(call)).length,
        {
          least: 30,
          most: 64,
        },
      );
    });
  });

  it('adds little to what is written', async () => {
    await withDatabase(large, async ({ db, takeCalls }) => {
      for (let i = 0; i < 1000; i++) await db.put(keyAt(i), value);
      const single = bytesOf(takeCalls(logWrite)) / 1000 - entryBytes;
      expectWork('log bytes beside key and value, one by one', single, { least: 10, most: 32 });
      for (let i = 0; i < 10_000; i += 100) {
        const batch = Array.from({ length: 100 }, (_, at) => keyAt(i + at));
        await db.batch(batch.map((key) => ({ type: 'put', key, value })));
      }
      const batched = bytesOf(takeCalls(logWrite)) / 10_000 - entryBytes;
      expectWork('log bytes beside key and value, in batches', batched, { least: 3, most: 7 });
    });
  });
});

describe('a flush', () => {
  it('syncs each file once, and writes one edit', async () => {
    // Nothing is compacted.
    const options = { ...large, l0CompactionTrigger: 15 };
    await withDatabase(options, async ({ db, takeCalls }) => {
      const flushes = 10;
      const perFlush = 500;
      let manifestBytes = 0;
      let tableBytes = 0;
      const counts: Record<string, number> = {};
      for (let flush = 0; flush < flushes; flush++) {
        for (let i = 0; i < perFlush; i++) void db.put(keyAt(flush * perFlush + i), value);
        await new Promise((resolve) => void setImmediate(resolve));
        takeCalls(/^/);
        await db.flush();
        await settled(db);
        const calls = takeCalls(/^/);
        manifestBytes += bytesOf(calls.filter((call) => /^write MANIFEST/.test(call)));
        tableBytes += bytesOf(calls.filter((call) => /^write \d+\.sst/.test(call)));
        for (const call of calls) {
          const kind = call.replace(/\d{6}/g, 'N').replace(/ \d+\.\.\d+$| \d+$/, '');
          counts[kind] = (counts[kind] ?? 0) + 1;
        }
      }
      expect(db.stats().background.compactions).toBe(0);
      const perKind = (kind: string): number => (counts[kind] ?? 0) / flushes;
      expectWork('syncs of the table per flush', perKind('sync N.sst'), { least: 1, most: 1 });
      expectWork('syncs of the manifest per flush', perKind('sync MANIFEST-N'), {
        least: 1,
        most: 1,
      });
      expectWork('writes of the manifest per flush', perKind('write MANIFEST-N'), {
        least: 1,
        most: 1,
      });
      expectWork('syncs of logs per flush', perKind('sync N.log'), { least: 1, most: 3 });
      expectWork('syncs of the directory per flush', perKind('sync-directory .'), {
        least: 1,
        most: 3,
      });
      expectWork('files made per flush', perKind('create N.sst') + perKind('create N.log'), {
        least: 1,
        most: 2,
      });
      expectWork('manifest bytes per flush', manifestBytes / flushes, { least: 50, most: 300 });
      const raw = flushes * perFlush * entryBytes;
      expectWork('table bytes per byte flushed', tableBytes / raw, { least: 1, most: 1.2 });
    });
  });
});

describe('a database 32 times its memtable, overwritten at random', () => {
  it('writes and reads no more than its levels ask for', async () => {
    await withDatabase(small, async ({ db, takeCalls }) => {
      const random = new Prng(9);
      const entries = (32 * small.memtableBytes) / entryBytes;
      const write = async (count: number, at: () => number): Promise<void> => {
        for (let i = 0; i < count; i += 100) {
          const batch = Array.from({ length: 100 }, () => keyAt(Math.floor(at())));
          await db.batch(batch.map((key) => ({ type: 'put', key, value })));
        }
      };
      let next = 0;
      await write(entries, () => next++);
      await settled(db);
      const loaded = db.stats().written;
      takeCalls(/^/);
      await write(2 * entries, () => random.below(entries));
      const { written, spaceAmplificationEstimate } = await settled(db);
      const user = written.userBytes - loaded.userBytes;
      const tables =
        written.flushBytes + written.compactionBytes - loaded.flushBytes - loaded.compactionBytes;
      expectWork('overwrite: bytes of tables per byte put', tables / user, { least: 2, most: 6 });
      expectWork('overwrite: log bytes per byte put', (written.walBytes - loaded.walBytes) / user, {
        least: 1,
        most: 1.1,
      });
      expectWork('overwrite: space', spaceAmplificationEstimate!, { least: 1, most: 1.5 });
      const calls = takeCalls(/\.sst/);
      const writes = calls.filter((call) => /^write/.test(call));
      const reads = calls.filter((call) => /^read/.test(call));
      const fileBytes = bytesOf(writes);
      expectWork('overwrite: file bytes per raw byte of tables', fileBytes / tables, {
        least: 1,
        most: 1.25,
      });
      expectWork('overwrite: bytes read per byte written', bytesOf(reads) / fileBytes, {
        least: 0.3,
        most: 1.8,
      });
      expectWork('overwrite: KiB per read of a compaction', bytesOf(reads) / 1024 / reads.length, {
        least: 8,
        most: 1024,
      });
    });
  });
});
