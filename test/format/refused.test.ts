import { describe, expect, it } from 'vitest';
import { MemoryFileSystem } from '../../src/fs.js';
import { open, type LsmError } from '../../src/index.js';
import { verifyDatabase } from '../../src/inspect.js';
import { SSTableReader } from '../../src/sstable.js';
import { JumpingClock } from '../support/jumping-clock.js';
import {
  databasesOf,
  entriesOf,
  loadDatabase,
  pathsOf,
  readExpected,
  readFixture,
  versions,
} from './fixtures.js';
import { fromTheFuture, type Future } from './patch.js';

const version = versions.at(-1)!;

async function errorOf(run: () => Promise<unknown>): Promise<LsmError> {
  try {
    await run();
  } catch (error) {
    return error as LsmError;
  }
  throw new Error('nothing was refused');
}

const futures: readonly (readonly [what: string, future: Future, names: RegExp])[] = [
  ['a newer format version', { version: 2 }, /format version 2\b/],
  ['a much newer one', { version: 65_535 }, /format version 65535\b/],
  ['a feature that must be known', { mustBits: 0x40 }, /feature bits 0x40\b/],
  ['encryption', { encryptionKeyId: 9 }, /encrypted with key 9\b/],
];
const kinds = ['CURRENT', 'MANIFEST', 'log'] as const;
const cases = kinds.flatMap((kind) => futures.map((future) => [kind, ...future] as const));

describe('is refused by name, and nothing is changed:', () => {
  it.each(cases)('%s with %s', async (kind, _, future, names) => {
    for (const name of ['empty', 'unflushed', 'crashed']) {
      const fs = loadDatabase(version, name);
      const [path] = pathsOf(fs, kind);
      fs.writeBytes(path, fromTheFuture(fs.readBytes(path), future));
      const before = fs.snapshotFiles();
      for (const tryIt of [
        () => open('/db', { fs }),
        () => open('/db', { fs, readOnly: true }),
        () => verifyDatabase('/db', { fs }),
      ]) {
        const error = await errorOf(tryIt);
        expect(error).toMatchObject({ code: 'LSM_UNSUPPORTED_FORMAT', file: path });
        expect(error.message).toMatch(names);
        expect(error.message).toContain('newer nori-lsm');
        expect(fs.snapshotFiles(), name).toEqual(before);
      }
    }
  });

  it.each(futures)('a table that stands alone, with %s', async (_, future, names) => {
    const bytes = fromTheFuture(readFixture(version, 'standalone.sst'), future);
    const fs = MemoryFileSystem.from([['t.sst', bytes]]);
    const error = await errorOf(() => SSTableReader.open('t.sst', { fs }));
    expect(error).toMatchObject({ code: 'LSM_UNSUPPORTED_FORMAT', file: 't.sst' });
    expect(error.message).toMatch(names);
  });

  it.each(futures)('a table of a database, with %s', async (_, future, names) => {
    const fs = loadDatabase(version, 'tables-none');
    const [path] = pathsOf(fs, 'sst');
    const newer = fromTheFuture(fs.readBytes(path), future);
    fs.writeBytes(path, newer);
    const before = fs.snapshotFiles();
    for (const tryIt of [
      () => open('/db', { fs, readOnly: true }),
      () => verifyDatabase('/db', { fs }),
    ]) {
      const error = await errorOf(tryIt);
      expect(error).toMatchObject({ code: 'LSM_UNSUPPORTED_FORMAT', file: path });
      expect(error.message).toMatch(names);
      expect(fs.snapshotFiles()).toEqual(before);
    }
    // A writer opens tables when it needs them: it reads and compacts none that it does not know.
    const db = await open('/db', { fs });
    for (const read of [() => db.get('user:0012'), () => db.compactRange()]) {
      expect(await errorOf(read)).toMatchObject({ code: 'LSM_UNSUPPORTED_FORMAT', file: path });
    }
    expect(() => [...db.keysSync()]).toThrow(names);
    await db.close();
    expect(fs.readBytes(path)).toEqual(newer);
  });
});

describe('a compaction that meets a newer table', () => {
  it('is given up: it is not tried again and again, and writers are told', async () => {
    const fs = loadDatabase(version, 'tables-none');
    const [path] = pathsOf(fs, 'sst');
    fs.writeBytes(path, fromTheFuture(fs.readBytes(path), { version: 2 }));
    const db = await open('/db', {
      fs,
      clock: new JumpingClock(),
      memtableBytes: 64 * 1024,
      maxImmutableMemtables: 1,
      l0CompactionTrigger: 1,
      l0SlowdownTables: 4,
      l0StopTables: 4,
    });
    let failures = 0;
    db.on('backgroundError', () => failures++);
    const write = async (): Promise<void> => {
      for (let i = 0; i < 1000; i++) await db.put(`key ${i}`, new Uint8Array(1000));
    };
    await expect(write()).rejects.toMatchObject({ code: 'LSM_UNSUPPORTED_FORMAT', file: path });
    expect(failures).toBe(1);
    await db.close();
  });
});

describe('what a newer version may add without a break', () => {
  it('feature bits that a reader may ignore, in every kind of file', async () => {
    for (const name of databasesOf(version)) {
      const fs = loadDatabase(version, name);
      for (const kind of kinds) {
        for (const path of pathsOf(fs, kind)) {
          if (fs.readBytes(path).length === 0) continue;
          fs.writeBytes(path, fromTheFuture(fs.readBytes(path), { skipBits: 0xffff_ffff }));
        }
      }
      const db = await open('/db', { fs, readOnly: true });
      expect(entriesOf(db)).toEqual(readExpected(version, name).entries);
      await db.close();
    }
  });
});
