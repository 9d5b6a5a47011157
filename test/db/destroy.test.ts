import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Prng } from '../../src/base/prng.js';
import { destroy } from '../../src/db/destroy.js';
import { decodeCurrent, encodeCurrent } from '../../src/manifest/current-file.js';
import { MemoryFileSystem, RecordingFileSystem, type FileSystem } from '../../src/fs.js';
import { isLsmError, open, type Database } from '../../src/index.js';

const seed = Number(process.env['NORI_SEED'] ?? 1);
const directory = '/db';
const keys = Array.from({ length: 60 }, (_, i) => `key ${i}`);

/**
 * A database with a table, a log, a table set aside, and two manifests: the one
 * in force, and one of before a compaction, which is complete as well.
 */
async function makeDatabase(): Promise<MemoryFileSystem> {
  const fs = new MemoryFileSystem();
  const db = await open(directory, { fs, executor: 'inline' });
  for (const key of keys) await db.put(key, '1');
  await db.flush();
  const [name] = (await fs.list(directory)).filter((each) => each.startsWith('MANIFEST'));
  const old = fs.readBytes(`${directory}/${name}`);
  await db.compactRange();
  await db.put('in the log', '1');
  await db.close();
  // As if the manifest had been rolled in between.
  const rolled = fs.readBytes(`${directory}/${name}`);
  const current = decodeCurrent(fs.readBytes(`${directory}/CURRENT`), 'CURRENT');
  fs.writeBytes(`${directory}/${name}`, old);
  fs.writeBytes(`${directory}/MANIFEST-000099`, rolled);
  const id = { low: 1, high: 2 };
  fs.writeBytes(`${directory}/CURRENT`, encodeCurrent({ ...current, manifestNumber: 99 }, id));
  const [table] = (await fs.list(directory)).filter((each) => each.endsWith('.sst'));
  fs.writeBytes(`${directory}/lost/000900.sst`, fs.readBytes(`${directory}/${table}`));
  fs.writeBytes(`${directory}/CURRENT.tmp`, new Uint8Array(3));
  return fs;
}

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'none',
    (error: { code?: unknown }) => error.code ?? error,
  );
}

/** What is there, as a user meets it. */
async function meet(fs: FileSystem): Promise<'whole' | 'refused' | 'nothing' | 'broken'> {
  let db: Database<string, string>;
  try {
    db = await open(directory, {
      ...{ fs, createIfMissing: false, executor: 'inline' },
      ...{ keyEncoding: 'utf8', valueEncoding: 'utf8' },
    });
  } catch (error) {
    if (isLsmError(error, 'LSM_CORRUPTION')) return 'refused';
    const isEmpty =
      (await fs.stat(directory)) === undefined || (await fs.list(directory)).length === 0;
    return isLsmError(error, 'LSM_NOT_FOUND') && isEmpty ? 'nothing' : 'broken';
  }
  try {
    const found = await db.getMany([...keys, 'in the log']);
    return found.every((value) => value === '1') ? 'whole' : 'broken';
  } catch {
    return 'broken';
  } finally {
    await db.close();
  }
}

describe('destroy', () => {
  it('removes the database and its directory', async () => {
    const fs = await makeDatabase();
    expect(await meet(fs)).toBe('whole');
    const { files, left, directoryRemoved } = await destroy(directory, { fs });
    expect({ left, directoryRemoved }).toEqual({ left: [], directoryRemoved: true });
    expect(files).toBeGreaterThan(5);
    expect([...fs.snapshotFiles().keys()]).toEqual([]);
    expect(await fs.stat(directory)).toBeUndefined();
    expect(fs.openFiles).toBe(0);
  });

  it('leaves the files of others, and the directory with them', async () => {
    const fs = await makeDatabase();
    fs.writeBytes(`${directory}/notes.txt`, Buffer.from('mine'));
    fs.writeBytes(`${directory}/lost/letter.txt`, Buffer.from('mine too'));
    fs.writeBytes(`${directory}/000077.sst/inner`, Buffer.from('in a directory'));
    expect(await destroy(directory, { fs })).toMatchObject({
      left: ['000077.sst', 'lost/letter.txt', 'notes.txt'],
      directoryRemoved: false,
    });
    expect([...fs.snapshotFiles().keys()].sort()).toEqual(
      ['000077.sst/inner', 'lost/letter.txt', 'notes.txt'].map((name) => `${directory}/${name}`),
    );
  });

  it('works on a database that does not open', async () => {
    const fs = await makeDatabase();
    for (const name of await fs.list(directory)) {
      if (name.startsWith('MANIFEST')) fs.writeBytes(`${directory}/${name}`, new Uint8Array(9));
    }
    expect(await meet(fs)).toBe('refused');
    await destroy(directory, { fs });
    expect(await fs.stat(directory)).toBeUndefined();
  });

  it('refuses what is missing, empty, locked, newer, or of others', async () => {
    const fs = await makeDatabase();
    expect(await codeOf(destroy('/nowhere', { fs }))).toBe('LSM_NOT_FOUND');
    await fs.makeDirectory('/empty');
    expect(await codeOf(destroy('/empty', { fs }))).toBe('LSM_NOT_FOUND');
    expect(await codeOf(destroy(`${directory}/CURRENT`, { fs }))).toBe('LSM_NOT_A_DATABASE');
    const db = await open(directory, { fs, executor: 'inline' });
    expect(await codeOf(destroy(directory, { fs }))).toBe('LSM_LOCKED');
    await db.close();
    expect(await meet(fs)).toBe('whole');
  });

  it.each([
    ['LevelDB', { CURRENT: 'MANIFEST-000004\n', 'MANIFEST-000004': 'V\xf9e\xa2', LOCK: '' }],
    ['RocksDB', { IDENTITY: '5b6b7a0e', '000004.log': '', LOCK: '' }],
    ['a server', { '000001.log': '127.0.0.1 - - "GET / HTTP/1.1" 200\n' }],
    ['a lost and found', { 'lost/000001.sst': 'a picture' }],
  ])('refuses files of %s with names like ours', async (_, files) => {
    const fs = MemoryFileSystem.from(
      Object.entries(files).map(([name, text]) => [`/there/${name}`, Buffer.from(text, 'latin1')]),
    );
    const before = fs.snapshotFiles();
    expect(await codeOf(destroy('/there', { fs }))).toMatch(/LSM_NOT_(A_DATABASE|FOUND)/);
    expect(fs.snapshotFiles()).toEqual(before);
  });

  it('removes what a first open left that was cut off', async () => {
    const fs = MemoryFileSystem.from([['/there/MANIFEST-000001', new Uint8Array(40)]]);
    expect(await destroy('/there', { fs })).toMatchObject({ files: 1, directoryRemoved: true });
  });
});

describe(`a crash at every call of destroy (NORI_SEED=${seed})`, () => {
  const damages: readonly (readonly [string, (fs: MemoryFileSystem) => Promise<void>])[] = [
    ['a sound database', async () => undefined],
    ['one without CURRENT', (fs) => fs.remove(`${directory}/CURRENT`)],
    [
      'one with a damaged CURRENT',
      async (fs) => fs.writeBytes(`${directory}/CURRENT`, Uint8Array.of(1, 2, 3)),
    ],
  ];
  it.each(damages)('of %s leaves it whole, refused or gone', async (_, damage) => {
    const disk = await makeDatabase();
    await damage(disk);
    await disk.syncDirectory(directory);
    const met = new Set<string>();
    for (let call = 0, isDead = true; isDead; call++) {
      const fs = disk.clone();
      const recording = new RecordingFileSystem(fs);
      recording.dieAt(call);
      await destroy(directory, { fs: recording }).catch(() => undefined);
      isDead = recording.isDead;
      for (const [i, keep] of [0, 0.5, 1].entries()) {
        const survivor = fs.crash({ keep, random: new Prng(seed + 10 * call + i) });
        const state = await meet(survivor.clone());
        expect({ call, keep, state }).not.toMatchObject({ state: 'broken' });
        met.add(state);
        // A second attempt goes through.
        const again = await codeOf(destroy(directory, { fs: survivor }));
        expect(['none', 'LSM_NOT_FOUND']).toContain(again);
        expect(survivor.snapshotFiles().size).toBe(0);
      }
    }
    expect([...met].sort()).toEqual(['nothing', 'refused', 'whole']);
  });
});

describe('destroy on the local disk', () => {
  const root = mkdtempSync(join(tmpdir(), 'nori-destroy-'));
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  it('leaves nothing, LOCK and LOCK.owner included', async () => {
    const path = join(root, 'db');
    const db = await open(path);
    await db.put('a', 'b');
    await db.close();
    expect(readdirSync(path)).toContain('LOCK');
    expect(await destroy(path)).toMatchObject({ left: [], directoryRemoved: true });
    expect(readdirSync(root)).toEqual([]);
  });

  it('follows no link out of the directory', async () => {
    const path = join(root, 'db');
    await (await open(path)).close();
    const outside = join(root, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, '000001.sst'), 'not yours');
    symlinkSync(outside, join(path, 'lost'));
    symlinkSync(join(outside, '000001.sst'), join(path, '000002.sst'));
    expect(await destroy(path)).toMatchObject({ left: ['lost'], directoryRemoved: false });
    expect(readdirSync(outside)).toEqual(['000001.sst']);
    expect(readdirSync(path)).toEqual(['lost']);
  });
});
