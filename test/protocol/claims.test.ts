import { describe, expect, it } from 'vitest';
import { Prng } from '../../src/base/prng.js';
import { runAsync } from '../../src/base/task.js';
import { MemoryFileSystem, RecordingFileSystem } from '../../src/fs.js';
import { LogWriter } from '../../src/wal/log-writer.js';
import { LateDisk, turns } from './late-disk.js';
import { contentOf, openText, pathsOf, settle } from './stage.js';

const manyMemtables = { maxImmutableMemtables: 8 };

function keyAt(index: number): string {
  return `k${1000 + index}`;
}

/** A disk on which no table can be made, so that all data stay in logs. */
function diskWithoutTables(memory: MemoryFileSystem): RecordingFileSystem {
  return new RecordingFileSystem(memory, {
    beforeCall: (operation, path) => {
      if (operation === 'create' && path.endsWith('.sst')) throw new Error('no table is made');
    },
  });
}

/** Cuts the last record off a log. */
function tear(fs: MemoryFileSystem, path: string): void {
  fs.writeBytes(path, fs.readBytes(path).slice(0, -1));
}

it('a power loss at any moment, with any part of what was not synced kept: the database opens, with whole writes up to one of them', async () => {
  const memory = new MemoryFileSystem();
  const moments: { readonly disk: MemoryFileSystem; readonly durable: number }[] = [];
  let durable = 0;
  let calls = 0;
  const fs = new RecordingFileSystem(memory, {
    beforeCall: (operation) => {
      if (operation === 'write' && calls++ % 4 === 0) {
        moments.push({ disk: memory.clone(), durable });
      }
    },
  });
  const db = await openText(fs, manyMemtables);
  const value = 'x'.repeat(6000);
  for (let i = 0; i < 60; i++) {
    const durability = i % 7 === 6 ? 'disk' : 'os';
    await db.put(keyAt(i), value, { durability });
    if (durability === 'disk') durable = i + 1;
  }
  await db.close();
  expect(moments.length).toBeGreaterThan(15);
  for (const [index, moment] of moments.entries()) {
    for (const keep of [0.5]) {
      const random = new Prng(100 * index + 10 * keep);
      const content = await contentOf(moment.disk.clone().crash({ keep, random }), manyMemtables);
      const place = `moment ${index}, ${keep} kept`;
      expect(content, place).toBeTypeOf('object');
      const keys = Object.keys(content);
      expect(keys, place).toEqual(keys.map((_, i) => keyAt(i)));
      expect(keys.length, place).toBeGreaterThanOrEqual(moment.durable);
    }
  }
});

it('a log is never begun in a file that holds bytes already', async () => {
  const fs = MemoryFileSystem.from([['/db/000002.log', Uint8Array.of(1)]]);
  const databaseId = { low: 1, high: 2 };
  const options = {
    fs,
    path: '/db/000002.log',
    kind: 'log',
    fileId: databaseId,
    databaseId,
  } as const;
  const outcome = await runAsync(LogWriter.createFile(options)).then(
    () => 'created',
    (error: unknown) => (error as { code: string }).code,
  );
  expect(outcome).toBe('LSM_EXISTS');
});

it('a log begun while an edit is under way claims no more of the manifest than is on disk', async () => {
  const disk = new LateDisk();
  const db = await openText(disk, manyMemtables);
  await settle(db);
  const held = disk.hold('write', /MANIFEST/);
  const making = db.keyspace('later');
  const writes = Array.from({ length: 8 }, (_, i) => db.put(keyAt(i), 'x'.repeat(10_000)));
  await turns();
  expect(disk.readBytes('/db/000003.log').length).toBeGreaterThanOrEqual(104);
  const survivor = disk.clone().crash({ keep: 0, random: new Prng(1) });
  held.letGo();
  await Promise.all([making, ...writes]);
  await db.close();
  expect(await contentOf(survivor)).not.toBe('LSM_CORRUPTION');
});

describe('an older log that lost its end', () => {
  it('voids the later ones, for good', async () => {
    const memory = new MemoryFileSystem();
    const db = await openText(diskWithoutTables(memory), manyMemtables);
    await settle(db);
    for (let i = 0; i < 12; i++) db.putSync(keyAt(i), 'x'.repeat(10_000));
    const survivor = memory.clone();
    await db.close();
    const [first, second] = pathsOf(survivor, /\.log$/);
    expect(survivor.readBytes(second).length).toBeGreaterThan(10_000);
    tear(survivor, first);
    expect(await contentOf(survivor.clone())).toBeTypeOf('object');
    const before = await openText(survivor);
    const kept = [...before.keysSync()];
    expect(kept.length).toBeGreaterThan(2);
    expect(kept).toEqual(kept.map((_, i) => keyAt(i)));
    expect(kept.length).toBeLessThan(8);
    await before.put('later', '1');
    await before.close();
    expect(Object.keys(await contentOf(survivor))).toEqual([...kept, 'later']);
  });

  it('is damage when a later one says that it was synced itself', async () => {
    const memory = new MemoryFileSystem();
    const db = await openText(diskWithoutTables(memory), manyMemtables);
    await settle(db);
    for (let i = 0; i < 12; i++) db.putSync(keyAt(i), 'x'.repeat(10_000));
    await db.sync();
    // The first record behind a sync states it.
    await db.put('later', '1');
    const survivor = memory.clone();
    await db.close();
    const [first, second] = pathsOf(survivor, /\.log$/);
    expect(survivor.readBytes(second).length).toBeGreaterThan(10_000);
    tear(survivor, first);
    expect(await contentOf(survivor)).toBe('LSM_CORRUPTION');
  });
});

it('a write to a keyspace that never was is damage', async () => {
  const memory = new MemoryFileSystem();
  const db = await openText(memory);
  await settle(db);
  const [manifest] = pathsOf(memory, /MANIFEST/);
  const before = memory.readBytes(manifest).length;
  const later = await db.keyspace('later');
  await later.put('k', '1');
  const survivor = memory.clone();
  await db.close();
  survivor.writeBytes(manifest, survivor.readBytes(manifest).slice(0, before));
  expect(await contentOf(survivor)).toBe('LSM_CORRUPTION');
});

it('a log or a manifest of another database is damage, also under the right number', async () => {
  const fill = async (): Promise<MemoryFileSystem> => {
    const memory = new MemoryFileSystem();
    const db = await openText(memory);
    await db.put('k', '1');
    await settle(db);
    const survivor = memory.clone();
    await db.close();
    return survivor;
  };
  for (const name of [/\.log$/, /MANIFEST/]) {
    const [own, other] = [await fill(), await fill()];
    const [path] = pathsOf(own, name);
    own.writeBytes(path, other.readBytes(path));
    expect(await contentOf(own), path).toBe('LSM_CORRUPTION');
  }
});
