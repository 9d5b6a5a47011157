import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryFileSystem } from '../../src/fs.js';
import { open, type Database } from '../../src/index.js';
import { JumpingClock } from '../support/jumping-clock.js';

/** Writers who do not wait, on a disk in memory, with the background work in this thread. */
const KiB = 1024;
const settings = {
  memtableBytes: 64 * KiB,
  maxImmutableMemtables: 1,
  maxQueuedBytes: 64 * KiB,
  keyEncoding: 'utf8',
  valueEncoding: 'utf8',
} as const;
const value = 'v'.repeat(200);
/** More than two memtables and the queue hold. */
const tooMany = 4000;

let db: Database<string, string>;
beforeEach(async () => {
  db = await open('/db', { ...settings, fs: new MemoryFileSystem(), clock: new JumpingClock() });
});
afterEach(() => db.close());

const keyOf = (i: number): string => String(i).padStart(6, '0');

interface Fate {
  readonly settledOrder: number[];
  readonly refused: number[];
  readonly codes: Set<string>;
  readonly all: Promise<unknown>;
}

/** Makes so many writes in one go, none awaited. */
function writeAll(count: number, write: (i: number) => Promise<void>): Fate {
  const settledOrder: number[] = [];
  const refused: number[] = [];
  const codes = new Set<string>();
  const promises: Promise<void>[] = [];
  for (let i = 0; i < count; i++) {
    promises.push(
      write(i).then(
        () => void settledOrder.push(i),
        (error: { code: string }) => {
          refused.push(i);
          codes.add(error.code);
        },
      ),
    );
  }
  return { settledOrder, refused, codes, all: Promise.all(promises) };
}

describe('a writer that never awaits', () => {
  it('is refused with LSM_BUSY beyond maxQueuedBytes, and what was accepted is all there', async () => {
    const { settledOrder, refused, codes, all } = writeAll(tooMany, (i) => db.put(keyOf(i), value));
    expect(db.stats().stalls.waiting).toBeGreaterThan(0);
    await all;
    expect([...codes]).toEqual(['LSM_BUSY']);
    expect(settledOrder.length + refused.length).toBe(tooMany);
    expect([...db.keysSync()]).toEqual([...settledOrder].sort((a, b) => a - b).map(keyOf));
    // Refused writes have taken no sequence number.
    expect(db.stats().seq).toBe(settledOrder.length);
    expect(db.stats().stalls.waiting).toBe(0);
  });

  it('holds no more memory than memtables and queue', async () => {
    const { settledOrder, all } = writeAll(tooMany, (i) => db.put(keyOf(i), value));
    const { waiting } = db.stats().stalls;
    expect(waiting * value.length).toBeLessThanOrEqual(settings.maxQueuedBytes);
    const { activeBytes, immutableBytes } = db.stats().memtables;
    // A memtable is over its size by one write at most.
    expect(activeBytes + immutableBytes).toBeLessThan(2 * (settings.memtableBytes + 4 * KiB));
    await all;
    const most = 2 * settings.memtableBytes + settings.maxQueuedBytes;
    expect(settledOrder.length * value.length).toBeLessThan(most);
    expect(settledOrder.length * value.length).toBeGreaterThan(most / 2);
  });

  it('is served first in, first out', async () => {
    const { settledOrder, all } = writeAll(tooMany, (i) => db.put('one key', `${i} ${value}`));
    await all;
    expect(settledOrder).toEqual([...settledOrder].sort((a, b) => a - b));
    expect(db.getSync('one key')).toBe(`${settledOrder.at(-1)} ${value}`);
  });

  it('keeps its order across durabilities, batches and deletes', async () => {
    const durabilities = ['none', 'os', 'disk'] as const;
    const { settledOrder, all } = writeAll(tooMany / 4, (i) => {
      const durability = durabilities[i % 3];
      if (i % 5 === 4) return db.delete('one key', { durability });
      const last = { type: 'put', key: 'one key', value: `${i} ${value}` } as const;
      if (i % 5 === 3)
        return db.batch([{ type: 'put', key: 'one key', value }, last], { durability });
      return db.put('one key', last.value, { durability });
    });
    await all;
    const last = settledOrder.reduce((most, i) => Math.max(most, i), 0);
    expect(db.getSync('one key')).toBe(last % 5 === 4 ? undefined : `${last} ${value}`);
    expect(last).toBeGreaterThan(300);
  });

  it('is welcome again once there is room', async () => {
    await writeAll(tooMany, (i) => db.put(keyOf(i), value)).all;
    await db.put('later', value);
    const again = writeAll(100, (i) => db.put(`again ${keyOf(i)}`, value));
    await again.all;
    expect(again.refused).toEqual([]);
    expect([...db.keysSync({ prefix: 'again ' })]).toHaveLength(100);
  });

  it('sees none of its waiting writes before they are let in', () => {
    void writeAll(tooMany, (i) => db.put(keyOf(i), value));
    const { seq, stalls } = db.stats();
    expect([...db.keysSync()]).toHaveLength(seq);
    expect(stalls.waiting).toBeGreaterThan(0);
  });
});

describe('beside writes that wait', () => {
  it('a synchronous write comes after them, and before those made later', async () => {
    const before = writeAll(1000, (i) => db.put('one key', `before ${i} ${value}`));
    expect(db.stats().stalls.waiting).toBeGreaterThan(0);
    db.putSync('one key', 'sync');
    expect(db.getSync('one key')).toBe('sync');
    await before.all;
    expect(db.getSync('one key')).toBe('sync');
    await db.put('one key', 'after');
    expect(db.getSync('one key')).toBe('after');
  });

  it('sync() is a barrier behind them', async () => {
    const { settledOrder, all } = writeAll(600, (i) => db.put(keyOf(i), value));
    const { waiting } = db.stats().stalls;
    expect(waiting).toBeGreaterThan(0);
    await db.sync();
    expect(db.stats().stalls.waiting).toBe(0);
    expect([...db.keysSync()]).toHaveLength(600);
    await all;
    expect(settledOrder).toHaveLength(600);
  });

  it('one write may wait, however large it is', async () => {
    const large: Promise<void>[] = [];
    const text = 'x'.repeat(2 * settings.maxQueuedBytes);
    while (large.length < 10 && db.stats().stalls.waiting === 0) {
      large.push(db.put(`large ${large.length}`, text));
    }
    expect(db.stats().stalls.waiting).toBe(1);
    await expect(db.put('one too many', value)).rejects.toMatchObject({ code: 'LSM_BUSY' });
    await Promise.all(large);
    expect([...db.keysSync()]).toHaveLength(large.length);
  });

  it('close turns them away without effect', async () => {
    const fate = writeAll(tooMany, (i) => db.put(keyOf(i), value));
    const { seq } = db.stats();
    await db.close();
    await fate.all;
    expect([...fate.codes].sort()).toEqual(['LSM_BUSY', 'LSM_CLOSED']);
    expect(fate.settledOrder).toHaveLength(seq);
  });
});
