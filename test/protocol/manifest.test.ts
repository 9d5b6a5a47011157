import { describe, expect, it } from 'vitest';
import { Prng } from '../../src/base/prng.js';
import { runAsync } from '../../src/base/task.js';
import { MemoryFileSystem, RecordingFileSystem } from '../../src/fs.js';
import { VersionSet } from '../../src/manifest/version-set.js';
import {
  between,
  contentAfterPowerLoss,
  contentOf,
  countOf,
  directory,
  expectInOrder,
  makeStage,
  openText,
  pathsOf,
  settle,
} from './stage.js';

/** As a killed process leaves it: two tables, a log with one write, all handed to the OS. */
async function killed(): Promise<MemoryFileSystem> {
  const { memory } = makeStage();
  const db = await openText(memory);
  for (const key of ['a', 'b']) {
    await db.put(key, '1');
    await db.flush();
  }
  await db.put('c', '1');
  await settle(db);
  const survivor = memory.clone();
  await db.close();
  return survivor;
}

const all = { a: '1', b: '1', c: '1' };

function only(fs: MemoryFileSystem, pattern: RegExp): string {
  const paths = pathsOf(fs, pattern);
  expect(paths).toHaveLength(1);
  return paths[0];
}

/** The power failed within the edit of the second flush: its table is there, and still its log. */
async function tornFlush(): Promise<MemoryFileSystem> {
  const memory = new MemoryFileSystem();
  let flushes = 0;
  let survivor = memory;
  const fs = new RecordingFileSystem(memory, {
    beforeCall: (operation, path) => {
      if (operation === 'sync' && path.includes('MANIFEST') && flushes === 1) {
        survivor = memory.clone();
      }
    },
  });
  const db = await openText(fs);
  await db.put('a', '1');
  await db.flush();
  await settle(db);
  flushes++;
  await db.put('b', '1');
  await db.flush();
  flushes++;
  await db.close();
  const manifest = only(survivor, /MANIFEST/);
  const bytes = survivor.readBytes(manifest);
  survivor.writeBytes(manifest, bytes.slice(0, bytes.length - 1));
  return survivor;
}

describe('a manifest roll', () => {
  it('the new manifest is whole and durable before CURRENT names it, and that is durable before anything else', async () => {
    const { calls } = makeStage(await killed());
    const db = await openText(calls);
    const roll = calls.changes.slice(
      calls.changes.findIndex((line) => line.startsWith('create MANIFEST')),
    );
    expect(roll.slice(0, 13).map((line) => line.replace(/MANIFEST-\d+/, 'MANIFEST'))).toEqual([
      'create MANIFEST',
      'write MANIFEST 0..56',
      'sync MANIFEST',
      expect.stringMatching(/^write MANIFEST 56\.\./),
      'sync MANIFEST',
      'sync-directory .',
      'create CURRENT.tmp',
      'write CURRENT.tmp 0..72',
      'truncate CURRENT.tmp 72',
      'sync CURRENT.tmp',
      'rename CURRENT.tmp -> CURRENT',
      'sync-directory .',
      expect.stringMatching(/^create \d+\.log/),
    ]);
    await db.close();
  });

  it('the one before it is kept, the one before that is not', async () => {
    const memory = await killed();
    for (let session = 0; session < 3; session++) {
      const before = pathsOf(memory, /MANIFEST/).at(-1);
      const db = await openText(memory);
      await settle(db);
      const after = pathsOf(memory, /MANIFEST/);
      expect(after).toHaveLength(2);
      expect(after[0]).toBe(before);
      await db.close();
    }
  });

  it('forgets no counter: not the ids of dropped keyspaces, not their sequence numbers', async () => {
    const { memory } = makeStage();
    const db = await openText(memory);
    const gone = await db.keyspace('gone');
    for (let i = 0; i < 5; i++) await gone.put('k', `${i}`);
    await db.flush();
    await db.dropKeyspace('gone');
    await db.close();
    // The process dies when the new manifest is in force and no edit is behind it.
    let rolled: MemoryFileSystem | undefined;
    const fs = new RecordingFileSystem(memory, {
      beforeCall: (operation, path) => {
        if (operation === 'create' && path.endsWith('.log')) rolled ??= memory.clone();
      },
    });
    await (await openText(fs)).close();
    const random = new Prng(1);
    const recovered = await runAsync(VersionSet.recover(rolled!, directory, { random }));
    const { nextKeyspaceId, lastSeq } = recovered!.set;
    expect({ nextKeyspaceId, lastSeq }).toEqual({ nextKeyspaceId: 2, lastSeq: 5 });
    expect(recovered!.set.cleanClose).toBeDefined();
  });

  it('one that was cut off before CURRENT named it is deleted, durably, before the first edit', async () => {
    const memory = await killed();
    const manifest = only(memory, /MANIFEST/);
    memory.writeBytes(`${directory}/MANIFEST-000500`, memory.readBytes(manifest));
    const { calls } = makeStage(memory);
    const db = await openText(calls);
    const { changes } = calls;
    expectInOrder(changes, /^remove MANIFEST-000500/, /^sync-directory \./, /^create MANIFEST/);
    const meanwhile = between(changes, /^remove MANIFEST-000500/, /^create MANIFEST/);
    expect(meanwhile).toEqual(['sync-directory .']);
    expect(Object.fromEntries(db.entriesSync())).toEqual(all);
    await db.close();
  });
});

describe('an edit that a crash tore', () => {
  it('does not count; tables that nothing names are set aside, and it is told', async () => {
    const memory = await tornFlush();
    const manifest = only(memory, /MANIFEST/);
    const [, orphan] = pathsOf(memory, /\.sst$/);
    const { calls } = makeStage(memory);
    const db = await openText(calls);
    expect(db.recovery.tornManifest?.file).toBe(manifest);
    expect(db.recovery.lostTables).toBe(1);
    expect(pathsOf(memory, /\/lost\//)).toEqual([orphan.replace('/db/', '/db/lost/')]);
    expect(db.stats().tables.lost.files).toBe(1);
    // The manifest is settled before a table leaves its place, and that before a new manifest hides the torn end.
    const name = manifest.slice(directory.length + 1);
    expectInOrder(
      calls.changes,
      new RegExp(`^sync ${name}`),
      /^rename \d+\.sst -> lost/,
      /^sync-directory lost/,
      /^sync-directory \./,
      /^create MANIFEST/,
    );
    expect(db.getSync('b')).toBe('1');
    await db.put('d', '1');
    await db.close();
    const again = await openText(memory);
    expect(again.recovery.tornManifest).toBeUndefined();
    expect(again.getSync('d')).toBe('1');
    await again.close();
  });

  it('was whole when a log began that states the length of the manifest: that is damage, not a crash', async () => {
    const memory = new MemoryFileSystem();
    const fs = new RecordingFileSystem(memory, {
      beforeCall: (operation, path) => {
        if (operation === 'create' && path.endsWith('.sst')) throw new Error('no table is made');
      },
    });
    const db = await openText(fs);
    await settle(db);
    await db.put('a', '1');
    const manifest = only(memory, /MANIFEST/);
    const before = memory.readBytes(manifest).length;
    await db.keyspace('later');
    for (let i = 0; i < 8; i++) db.putSync(`k${i}`, 'x'.repeat(10_000));
    expect(memory.readBytes('/db/000003.log').length).toBeGreaterThan(104);
    const survivor = memory.clone();
    await db.close();
    survivor.writeBytes(manifest, survivor.readBytes(manifest).slice(0, before));
    expect(await contentOf(survivor)).toBe('LSM_CORRUPTION');
  });

  it('has nothing behind it: records behind damage show that it was whole once', async () => {
    const { memory } = makeStage();
    const db = await openText(memory);
    await db.put('a', '1');
    await settle(db);
    const manifest = only(memory, /MANIFEST/);
    const first = memory.readBytes(manifest).length;
    for (const name of ['one', 'two']) await db.keyspace(name);
    const survivor = memory.clone();
    await db.close();
    const bytes = survivor.readBytes(manifest);
    bytes[first + 12] ^= 1;
    survivor.writeBytes(manifest, bytes);
    expect(await contentOf(survivor)).toBe('LSM_CORRUPTION');
  });
});

describe('CURRENT', () => {
  it('is followed to the manifest that it names, and to no other', async () => {
    const memory = await killed();
    await (await openText(memory)).close();
    const [, current] = pathsOf(memory, /MANIFEST/);
    await memory.remove(current);
    const before = memory.snapshotFiles();
    // Before any log is held against an older one.
    const error = await openText(memory).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'LSM_CORRUPTION', file: current });
    expect(memory.snapshotFiles()).toEqual(before);
  });

  it('missing or damaged: the highest complete manifest counts', async () => {
    for (const isMissing of [true, false]) {
      const memory = await killed();
      const path = `${directory}/CURRENT`;
      if (isMissing) await memory.remove(path);
      else memory.writeBytes(path, memory.readBytes(path).fill(7, 60));
      // A roll that was cut off within its snapshot never became current.
      const manifest = memory.readBytes(only(memory, /MANIFEST/));
      memory.writeBytes(`${directory}/MANIFEST-000500`, manifest.slice(0, 80));
      expect(await contentOf(memory)).toEqual(all);
    }
  });

  it('missing, and no manifest, but data: no new database is begun over it', async () => {
    const memory = await killed();
    for (const path of pathsOf(memory, /MANIFEST|CURRENT/)) await memory.remove(path);
    const before = memory.snapshotFiles();
    expect(await contentOf(memory)).toBe('LSM_CORRUPTION');
    expect(memory.snapshotFiles()).toEqual(before);
  });

  it('names its manifest by more than its number', async () => {
    const memory = await killed();
    const other = await killed();
    const manifest = only(memory, /MANIFEST/);
    other.writeBytes(`${directory}/CURRENT`, memory.readBytes(`${directory}/CURRENT`));
    const error = await openText(other).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'LSM_CORRUPTION', file: manifest });
  });

  it('of a new database is durable when open returns', async () => {
    const { memory, calls } = makeStage();
    const db = await openText(calls);
    expect(countOf(calls.changes, /^rename CURRENT/)).toBe(1);
    expect(await contentAfterPowerLoss(memory)).toEqual({});
    await db.close();
  });
});
