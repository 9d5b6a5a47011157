import { expect } from 'vitest';
import { Prng } from '../../src/base/prng.js';
import type { MemoryFileSystem } from '../../src/fs.js';
import type { BatchOperation, LsmError } from '../../src/index.js';
import { JumpingClock } from '../support/jumping-clock.js';
import { SlowDisk } from './slow-disk.js';
import { openText, type TextDatabase } from './stage.js';

const options = {
  maxImmutableMemtables: 3,
  l0CompactionTrigger: 2,
  l0SlowdownTables: 8,
  l0StopTables: 12,
  tableBytes: 16 * 1024,
};

/** What a crash leaves, and what must be in it. */
export interface Moment {
  readonly survivor: MemoryFileSystem;
  readonly keep: number;
  /** The newest write whose durability covers this crash. */
  readonly promised: number;
  /** The newest write that was begun. */
  readonly begun: number;
  /** Fillers of writes that were turned away, without effect. */
  readonly refused: ReadonlySet<string>;
}

export interface SlowRun {
  readonly moments: readonly Moment[];
  /** The call that failed. */
  readonly failed: string | undefined;
  /** Why the handle took no more writes. */
  readonly failure: string | undefined;
}

function fillerAt(index: number): string {
  return `f${1000 + index}`;
}

/**
 * Writes the numbers from 1 to 60, each with both keyspaces and a filler in one
 * batch, while memtables are flushed, levels compacted and power lost.
 */
export async function runSlowly(seed: number, withFault: boolean): Promise<SlowRun> {
  const random = new Prng(seed);
  const disk = new SlowDisk(random, 1 + random.below(3));
  const moments: Moment[] = [];
  const refused = new Set<string>();
  let begun = 0;
  let durable = 0;
  let handed = 0;
  const db = await openText(disk, { ...options, clock: new JumpingClock() });
  const other = await db.keyspace('other');
  const take = (keep: number): void => {
    const survivor = disk.clone().crash({ keep, random: new Prng(random.u32()) });
    moments.push({ survivor, keep, promised: keep === 1 ? handed : durable, begun, refused });
  };
  disk.onChange = () => {
    if (random.chance(0.02) && moments.length < 6) {
      take([0, 0.3, 0.5, 0.7, 0.9, 1][random.below(6)]);
    }
  };
  if (withFault) disk.failOnce(1 + random.below(250));
  const waiting: Promise<unknown>[] = [];
  const background = (work: Promise<void>): void => void waiting.push(work.catch(() => undefined));
  for (let i = 1; i <= 60; i++) {
    begun = i;
    const filler = { key: fillerAt(i), value: 'x'.repeat(random.below(20_000)) };
    const durability = random.chance(0.15) ? 'disk' : 'os';
    const write: BatchOperation<string, string>[] = [
      { type: 'put', key: 'last', value: `${i}` },
      { type: 'put', key: 'last', value: `${i}`, keyspace: other },
      random.chance(0.5) ? { type: 'put', ...filler } : { type: 'put', ...filler, keyspace: other },
    ];
    const arrived = (): void => {
      handed = Math.max(handed, i);
      if (durability === 'disk') durable = Math.max(durable, i);
    };
    const rejected = (error: unknown): void => {
      // What becomes of the others is known after reopening only.
      if ((error as LsmError).code !== 'LSM_FAILED') refused.add(filler.key);
    };
    if (random.chance(0.2)) {
      try {
        db.batchSync(write, { durability });
        arrived();
      } catch (error) {
        rejected(error);
      }
    } else waiting.push(db.batch(write, { durability }).then(arrived, rejected));
    if (random.chance(0.3)) await Promise.all(waiting.splice(0));
    if (random.chance(0.04)) background(db.compactRange());
    if (random.chance(0.04)) background(db.flush());
    if (random.chance(0.1)) await new Promise((resolve) => void setImmediate(resolve));
  }
  await Promise.all(waiting);
  const { failure } = db.stats();
  disk.onChange = () => undefined;
  await db.close().catch(() => undefined);
  expect(disk.openFiles).toBe(0);
  take(0);
  take(1);
  if (!withFault) expect([...refused]).toEqual([]);
  return { moments, failed: disk.failed, failure };
}

/** Whole batches up to one of them are there, and that is none too few. */
export async function checkMoment(moment: Moment): Promise<void> {
  const { survivor, keep, promised, begun, refused } = moment;
  const db: TextDatabase = await openText(survivor, options);
  const other = await db.keyspace('other');
  const last = Number(db.getSync('last') ?? 0);
  expect(Number(other.getSync('last') ?? 0)).toBe(last);
  expect(last, `kept ${keep}`).toBeGreaterThanOrEqual(promised);
  expect(last).toBeLessThanOrEqual(begun);
  const fillers = [...db.keysSync({ prefix: 'f' }), ...other.keysSync({ prefix: 'f' })].sort();
  const written = Array.from({ length: last }, (_, i) => fillerAt(i + 1));
  expect(fillers).toEqual(written.filter((key) => !refused.has(key)));
  expect((await db.verify()).damages).toEqual([]);
  await db.close();
}
