import { expect, describe, it } from 'vitest';
import { MemoryFileSystem, type FileSystem } from '../../src/fs.js';
import { open, type Database, type KeyspaceStats, type OpenOptions } from '../../src/index.js';
import { eventually, GatedDisk } from '../support/gated-disk.js';

const KiB = 1024;
const text = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const;

function openText(
  fs: FileSystem,
  options: Omit<OpenOptions, 'keyEncoding' | 'valueEncoding'> = {},
): Promise<Database<string, string>> {
  return open('/db', { fs, ...text, memtableBytes: 64 * KiB, compression: 'none', ...options });
}

function statsOf(db: Database<string, string>, name: string): KeyspaceStats {
  const found = db.stats().keyspaces.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no keyspace ${name} in stats`);
  return found;
}

describe('what all keyspaces hold together', () => {
  const value = 'x'.repeat(1000);

  for (const writer of ['waiting', 'synchronous', 'never waiting'] as const) {
    it(`a cold keyspace does not keep the logs of another one, with a ${writer} writer`, async () => {
      const db = await openText(new MemoryFileSystem(), { maxWalBytes: 256 * KiB });
      const cold = await db.keyspace('cold');
      const coldest = await db.keyspace('coldest');
      await coldest.put('k', '1');
      await cold.put('k', '1');
      let most = 0;
      const measure = (): void => {
        most = Math.max(most, db.stats().log.bytes);
      };
      const pending: Promise<void>[] = [];
      for (let i = 0; i < 3000; i++) {
        if (writer === 'waiting') await db.put(`k${i % 300}`, value);
        else if (writer === 'synchronous') db.putSync(`k${i % 300}`, value);
        else pending.push(db.put(`k${i % 300}`, value).then(measure));
        measure();
      }
      await Promise.all(pending);
      // What is written while a flush is under way comes on top.
      expect(most).toBeLessThan(800 * KiB);
      expect(statsOf(db, 'cold').levels[0].tables + statsOf(db, 'coldest').levels[0].tables).toBe(
        2,
      );
      expect([cold.getSync('k'), coldest.getSync('k')]).toEqual(['1', '1']);
      await db.close();
    });

    it(`twenty of them stay within memtableBudgetBytes, with a ${writer} writer`, async () => {
      const budget = 1024 * KiB;
      const db = await openText(new MemoryFileSystem(), {
        memtableBytes: 1024 * KiB,
        memtableBudgetBytes: budget,
        maxWalBytes: 64 * 1024 * KiB,
      });
      const names = Array.from({ length: 20 }, (_, i) => `keyspace ${i}`);
      const keyspaces = await Promise.all(names.map((name) => db.keyspace(name)));
      let most = 0;
      const measure = (): void => {
        const { activeBytes, immutableBytes } = db.stats().memtables;
        most = Math.max(most, activeBytes + immutableBytes);
      };
      const pending: Promise<void>[] = [];
      for (let i = 0; i < 4000; i++) {
        const keyspace = keyspaces[i % keyspaces.length];
        if (writer === 'waiting') await keyspace.put(`k${i}`, value);
        else if (writer === 'synchronous') keyspace.putSync(`k${i}`, value);
        else pending.push(keyspace.put(`k${i}`, value).then(measure));
        if (i % 8 === 0) measure();
      }
      await Promise.all(pending);
      // Looked at every 64th part of it.
      expect(most).toBeLessThan(budget * (1 + 2 / 64));
      expect(db.stats().background.flushes).toBeGreaterThan(6);
      expect(keyspaces[7].getSync('k7')).toBe(value);
      expect(keyspaces[7].getSync('k3987')).toBe(value);
      await db.close();
    });
  }

  it('their L0 stay below the stop limit, however they come to be flushed', async () => {
    const limits = { l0CompactionTrigger: 2, l0SlowdownTables: 4, l0StopTables: 6 };
    const bounds = { memtableBudgetBytes: 256 * KiB, maxWalBytes: 256 * KiB };
    const db = await openText(new MemoryFileSystem(), {
      ...limits,
      ...bounds,
      memtableBytes: 1024 * KiB,
    });
    const names = Array.from({ length: 10 }, (_, i) => `keyspace ${i}`);
    const keyspaces = await Promise.all(names.map((name) => db.keyspace(name)));
    let most = 0;
    for (let i = 0; i < 4000; i++) {
      keyspaces[i % 3 === 0 ? 0 : i % 10].putSync(`k${(i * 7919) % 3000}`, value);
      if (i % 8 !== 0) continue;
      for (const { levels } of db.stats().keyspaces) most = Math.max(most, levels[0].tables);
    }
    expect(most).toBeGreaterThan(2);
    expect(most).toBeLessThanOrEqual(6);
    expect(db.stats().background.flushes).toBeGreaterThan(50);
    await db.close();
  });

  it('they wait for the next log, too, when their memtables cannot be switched without', async () => {
    const fs = new GatedDisk();
    const db = await openText(fs, { memtableBytes: 1024 * KiB, memtableBudgetBytes: 256 * KiB });
    const x = await db.keyspace('x');
    await db.put('k', 'v', { durability: 'disk' });
    const gate = fs.hold('create', /\.log$/);
    await db.flush();
    for (let i = 0; i < 600; i++) {
      x.putSync(`k${i}`, value);
      const { activeBytes, immutableBytes } = db.stats().memtables;
      expect(activeBytes + immutableBytes).toBeLessThan(280 * KiB);
    }
    gate.letGo();
    await db.close();
  });

  it('a damaged table of one does not stop the compactions and writes of the others', async () => {
    const fs = new MemoryFileSystem();
    const db = await openText(fs, { l0CompactionTrigger: 2, l0SlowdownTables: 3, l0StopTables: 4 });
    const x = await db.keyspace('x');
    const y = await db.keyspace('y');
    await x.put('k', 'damaged');
    await db.flush();
    const [table] = (await fs.list('/db')).filter((name) => name.endsWith('.sst'));
    await db.close();
    const bytes = fs.readBytes(`/db/${table}`);
    for (let at = 40; at < 100; at++) bytes[at] ^= 0xff;
    fs.writeBytes(`/db/${table}`, bytes);
    const again = await openText(fs, {
      l0CompactionTrigger: 2,
      l0SlowdownTables: 3,
      l0StopTables: 4,
    });
    const [x2, y2] = [await again.keyspace('x'), await again.keyspace('y')];
    expect(y2.name).toBe(y.name);
    const errors: (string | undefined)[] = [];
    again.on('backgroundError', (event) => errors.push(event.keyspace));
    for (let round = 0; round < 12; round++) {
      await y2.batch([
        { type: 'put', key: 'k', value },
        { type: 'put', key: `k${round}`, value },
      ]);
      if (round < 3) await x2.put('k', value);
      await again.flush();
    }
    await eventually(() => statsOf(again, 'y').levels[0].tables <= 2 && errors.length > 0);
    expect(errors).toEqual(['x']);
    expect(again.stats().background.compactions).toBeGreaterThan(0);
    await y2.compactRange();
    await expect(x2.compactRange()).rejects.toMatchObject({ code: 'LSM_CORRUPTION' });
    expect(x2.getSync('k')).toBe(value);
    expect(y2.keysSync().nextMany(100).length).toBe(13);
    // Writes to it are turned away when its L0 is full; nobody else's are.
    const large = 'x'.repeat(10_000);
    let refused: unknown;
    for (let i = 0; i < 100 && refused === undefined; i++) {
      await x2.put('k', large).catch((error: unknown) => (refused = error));
    }
    expect(refused).toMatchObject({ code: 'LSM_CORRUPTION' });
    expect(() => x2.putSync('k', '')).toThrow(expect.objectContaining({ code: 'LSM_CORRUPTION' }));
    const mixed = [
      { type: 'put', key: 'mixed', value },
      { type: 'put', key: 'k', value, keyspace: x2 },
    ] as const;
    await expect(y2.batch(mixed)).rejects.toMatchObject({ code: 'LSM_CORRUPTION' });
    expect(y2.hasSync('mixed')).toBe(false);
    for (let i = 0; i < 30; i++) {
      y2.putSync('large', large);
      await y2.put('large', large);
    }
    expect(x2.getSync('k')).toBe(large);
    // Its space can be had back.
    await again.dropKeyspace('x');
    expect((await again.verify()).damages).toEqual([]);
    await again.close();
  });
});
