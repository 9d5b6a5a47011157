import { expect, it } from 'vitest';
import { Prng } from '../../src/base/prng.js';
import type { MemoryFileSystem } from '../../src/fs.js';
import type { BatchOperation } from '../../src/index.js';
import { reportCounts } from '../support/counts.js';
import { seedsOf, withSeed } from '../support/seeds.js';
import { openText, settle, type TextDatabase } from './stage.js';
import { SlowDisk } from './slow-disk.js';

const options = {
  maxImmutableMemtables: 3,
  l0CompactionTrigger: 2,
  l0SlowdownTables: 8,
  l0StopTables: 12,
  tableBytes: 16 * 1024,
};

interface Moment {
  readonly survivor: MemoryFileSystem;
  readonly keep: number;
  /** Writes that must be there: the first so many. */
  readonly promised: number;
  /** Writes that were begun. */
  readonly begun: number;
}

async function run(seed: number): Promise<Moment[]> {
  const random = new Prng(seed);
  const disk = new SlowDisk(random, 1 + random.below(3));
  const moments: Moment[] = [];
  let begun = 0;
  let durable = 0;
  let handed = 0;
  const db = await openText(disk, options);
  const other = await db.keyspace('other');
  disk.onChange = () => {
    if (!random.chance(0.02) || moments.length >= 6) return;
    const keep = [0, 0.3, 0.5, 0.7, 0.9, 1][random.below(6)];
    const survivor = disk.clone().crash({ keep, random: new Prng(random.u32()) });
    moments.push({ survivor, keep, promised: keep === 1 ? handed : durable, begun });
  };
  const waiting: Promise<unknown>[] = [];
  for (let i = 1; i <= 60; i++) {
    begun = i;
    const filler = 'x'.repeat(random.below(20_000));
    const durability = random.chance(0.15) ? 'disk' : 'os';
    const write: BatchOperation<string, string>[] = [
      { type: 'put', key: 'last', value: `${i}` },
      { type: 'put', key: 'last', value: `${i}`, keyspace: other },
      random.chance(0.5)
        ? { type: 'put', key: `f${1000 + i}`, value: filler }
        : { type: 'put', key: `f${1000 + i}`, value: filler, keyspace: other },
    ];
    const arrived = (): void => {
      handed = Math.max(handed, i);
      if (durability === 'disk') durable = Math.max(durable, i);
    };
    if (random.chance(0.2)) {
      db.batchSync(write, { durability });
      arrived();
    } else waiting.push(db.batch(write, { durability }).then(arrived));
    if (random.chance(0.3)) await Promise.all(waiting.splice(0));
    if (random.chance(0.04)) waiting.push(db.compactRange());
    if (random.chance(0.04)) waiting.push(db.flush());
    if (random.chance(0.1)) await new Promise((resolve) => void setImmediate(resolve));
  }
  await Promise.all(waiting);
  await settle(db);
  disk.onChange = () => undefined;
  await db.close();
  return moments;
}

async function check({ survivor, keep, promised, begun }: Moment): Promise<void> {
  const db: TextDatabase = await openText(survivor, options);
  const other = await db.keyspace('other');
  const last = Number(db.getSync('last') ?? 0);
  expect(Number(other.getSync('last') ?? 0)).toBe(last);
  expect(last, `kept ${keep}`).toBeGreaterThanOrEqual(promised);
  expect(last).toBeLessThanOrEqual(begun);
  const fillers = [...db.keysSync({ prefix: 'f' }), ...other.keysSync({ prefix: 'f' })].sort();
  expect(fillers).toEqual(Array.from({ length: last }, (_, i) => `f${1001 + i}`));
  expect((await db.verify()).damages).toEqual([]);
  await db.close();
}

it(
  'whatever the order in which a thread pool does its work, a crash leaves whole writes up to one of them',
  { timeout: 3_600_000 },
  async () => {
    let crashes = 0;
    for (const seed of seedsOf(4)) {
      await withSeed(seed, 'test/protocol/slow-disk.test.ts', async () => {
        for (const moment of await run(seed)) {
          crashes++;
          await check(moment);
        }
      });
    }
    reportCounts('T3', 'a slow thread pool', { crashes }, { crashes: 15 });
  },
);
