import { beforeAll, describe, it } from 'vitest';
import { Prng } from '../../src/base/prng.js';
import type { MemoryFileSystem } from '../../src/fs.js';
import type { DatabaseStats } from '../../src/index.js';
import {
  bytesOf,
  expectWork,
  keyAt,
  openWatched,
  settled,
  small,
  value,
  type Watched,
} from './work.js';

const entries = 30_000;
const asked = 2000;

/** What changed between two looks. */
function blocksBetween(before: DatabaseStats, after: DatabaseStats): Record<string, number> {
  return {
    fromDisk: after.blockReads.fromDisk - before.blockReads.fromDisk,
    cached: after.blockReads.cached - before.blockReads.cached,
    checks: after.filter.checks - before.filter.checks,
    falsePositives: after.filter.falsePositives - before.filter.falsePositives,
  };
}

/** Even keys, written in random order, flushed and compacted as they came: several levels. */
async function fill({ db }: Watched): Promise<DatabaseStats> {
  const random = new Prng(5);
  const order = Array.from({ length: entries }, (_, i) => i);
  for (let i = entries - 1; i > 0; i--) {
    const other = random.below(i + 1);
    [order[i], order[other]] = [order[other], order[i]];
  }
  for (let i = 0; i < entries; i += 100) {
    const batch = order.slice(i, i + 100);
    await db.batch(batch.map((at) => ({ type: 'put', key: keyAt(2 * at), value })));
    if (i % 1000 === 0) await settled(db);
  }
  await db.flush();
  return await settled(db);
}

describe('a settled database of several levels, and no cache', () => {
  let watched: Watched;
  let levels: number;
  let level0: number;
  let dataBlocks: number;
  const random = new Prng(6);
  const anyKey = (odd: number): string => keyAt(2 * random.below(entries - 1) + odd);

  beforeAll(async () => {
    watched = await openWatched();
    const stats = await fill(watched);
    levels = stats.levels.filter(({ level, tables }) => level > 0 && tables > 0).length;
    level0 = stats.levels[0].tables;
    dataBlocks = stats.levels.reduce((sum, { rawBytes }) => sum + rawBytes, 0) / 1024;
    return () => watched.db.close();
  });

  function get(odd: number): Record<string, number> {
    const { db } = watched;
    // The first lookup opens a table and reads its filter.
    for (let i = 0; i < asked; i++) db.getSync(anyKey(odd));
    watched.takeCalls(/^/);
    const before = db.stats();
    for (let i = 0; i < asked; i++) db.getSync(anyKey(odd));
    const preads = watched.takeCalls(/^read /).length;
    return { ...blocksBetween(before, db.stats()), preads };
  }

  it('has them', () => {
    expectWork('levels below the first', levels, { least: 2, most: 4 });
    expectWork('tables of level 0', level0, { most: 8 });
  });

  it('a get of a key that is there reads one block', () => {
    const { fromDisk, preads, checks, falsePositives } = get(0);
    expectWork('blocks read per get', fromDisk / asked, { least: 1, most: 1.1 });
    expectWork('preads per get', preads / asked, { least: 1, most: 1.1 });
    expectWork('filters asked per get', checks / asked, { least: 1, most: level0 + levels });
    expectWork('filters that were wrong', falsePositives / checks, { most: 0.02 });
  });

  it('a get of a key that is not there reads none', () => {
    const { fromDisk, preads, checks, falsePositives } = get(1);
    expectWork('absent: blocks read per get', fromDisk / asked, { most: 0.1 });
    expectWork('absent: preads per get', preads / asked, { most: 0.1 });
    expectWork('absent: filters asked per get', checks / asked, {
      least: 1,
      most: level0 + levels,
    });
    expectWork('absent: filters that were wrong', falsePositives / checks, {
      least: 1e-4,
      most: 0.02,
    });
  });

  it('a get of a key outside all tables asks nothing', () => {
    const { db } = watched;
    const before = db.stats();
    for (let i = 0; i < asked; i++) db.getSync(`a:${i}`);
    for (let i = 0; i < asked; i++) db.getSync(`zzz:${i}`);
    const { fromDisk, checks } = blocksBetween(before, db.stats());
    expectWork('outside: filters and blocks', fromDisk + checks, { most: 0 });
  });

  it('a scan reads ahead', () => {
    const { db } = watched;
    for (const reverse of [false, true]) {
      watched.takeCalls(/^/);
      let count = 0;
      for (const each of db.entriesSync({ reverse })) count += each.length / 2;
      const reads = watched.takeCalls(/^read /);
      const way = reverse ? 'reverse scan' : 'scan';
      expectWork(`${way}: entries`, count, { least: entries, most: entries });
      expectWork(`${way}: preads per block`, reads.length / dataBlocks, { most: 0.2 });
    }
  });

  it('a short range read reads what it needs', () => {
    const { db } = watched;
    watched.takeCalls(/^/);
    for (let i = 0; i < 200; i++) {
      const range = { gte: anyKey(0), limit: 10 };
      for (const each of db.entriesSync(range)) if (each.length !== 2) throw new Error('no entry');
    }
    const reads = watched.takeCalls(/^read /);
    const sources = 200 * (level0 + levels);
    // A block of each source, and now and then the one behind it.
    const preads = reads.length / sources;
    expectWork('ranges of 10: preads per range and source', preads, { least: 0.9, most: 1.5 });
    const KiB = bytesOf(reads) / 1024 / sources;
    expectWork('ranges of 10: KiB read per range and source', KiB, { least: 0.9, most: 2 });
  });
});

describe('a settled database, and a cache for all of it', () => {
  const options = { ...small, blockCacheBytes: 64 * 1024 * 1024 };
  let disk: MemoryFileSystem;

  beforeAll(async () => {
    const watched = await openWatched(options);
    await fill(watched);
    await watched.db.close();
    disk = watched.disk;
  });

  it('a table is opened, and its filter read, in few reads', async () => {
    const { db, takeCalls } = await openWatched(options, disk.clone());
    const { tables } = await settled(db).then(() => db.stats());
    takeCalls(/^/);
    const before = tables.open;
    for (let i = 0; i < entries; i += 100) db.getSync(keyAt(2 * i + 1));
    const preads = takeCalls(/^read .*sst/).length - db.stats().filter.falsePositives;
    const opened = db.stats().tables.open - before;
    expectWork('preads per table opened', preads / opened, { least: 2, most: 3.5 });
    await db.close();
  });

  it('a get reads nothing any more', async () => {
    const { db, takeCalls } = await openWatched(options, disk.clone());
    for (let i = 0; i < entries; i++) db.getSync(keyAt(2 * i));
    takeCalls(/^/);
    const before = db.stats();
    for (let i = 0; i < entries; i++) db.getSync(keyAt(2 * i));
    const { cached } = blocksBetween(before, db.stats());
    expectWork('cached: preads', takeCalls(/^read /).length, { most: 0 });
    expectWork('cached: blocks asked for per get', cached / entries, { least: 1, most: 1.1 });
    await db.close();
  });

  it('the deepest filter is not asked where all keys are there, and is after one that is not', async () => {
    const { db } = await openWatched(options, disk.clone());
    await db.compactRange();
    const getAll = (odd: number, count: number): Record<string, number> => {
      const before = db.stats();
      for (let i = 0; i < count; i++) db.getSync(keyAt(20 * i + odd));
      return blocksBetween(before, db.stats());
    };
    getAll(0, 100);
    expectWork('there: filters asked per get', getAll(0, 1000).checks / 1000, { most: 0 });
    const absent = getAll(1, 1000);
    const blocks = absent.fromDisk + absent.cached;
    expectWork('absent: filters asked per get', absent.checks / 1000, { least: 0.98, most: 1 });
    expectWork('absent: blocks asked for per get', blocks / 1000, { least: 0.001, most: 0.03 });
    await db.close();
  });

  it('a getMany reads no block twice', async () => {
    const neighbours = Array.from({ length: 400 }, (_, i) => keyAt(20_000 + 2 * i));
    const readsOf = async (many: boolean): Promise<number> => {
      const { db, takeCalls } = await openWatched(options, disk.clone());
      takeCalls(/^/);
      if (many) await db.getMany(neighbours);
      else for (const key of neighbours) await db.get(key);
      const preads = takeCalls(/^read .*sst/).length;
      await db.close();
      return preads;
    };
    const one = await readsOf(false);
    const ratio = (await readsOf(true)) / one;
    expectWork('getMany: preads beside those of single gets', ratio, { least: 0.1, most: 1 });
  });
});
