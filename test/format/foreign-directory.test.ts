import { describe, expect, it } from 'vitest';
import { MemoryFileSystem } from '../../src/fs.js';
import { isLsmError, open, type LsmErrorCode } from '../../src/index.js';
import { verifyDatabase } from '../../src/inspect.js';
import { loadDatabase, versions } from './fixtures.js';

const text = (content: string): Uint8Array => Buffer.from(content, 'latin1');

/** What other stores leave in their directories. */
const strangers: Readonly<Record<string, Readonly<Record<string, Uint8Array>>>> = {
  LevelDB: {
    CURRENT: text('MANIFEST-000004\n'),
    'MANIFEST-000004': text('V\xf9e\xa2\x28\0\x01\x01\x1aleveldb.BytewiseComparator\x02\x03\x09\0'),
    '000003.log': text('\x9a\x1c\x13\x7f\x1d\0\x01\x01\0\0\0\0\0\0\0\x01\0\0\0\x01\x01k\x05value'),
    '000005.ldb': text('\0\x01\x05k\x01\x01\0\0\0\0\0\0value\xdb\x47\x75\x24\x8b\x80\xfb\x57'),
    LOCK: text(''),
    LOG: text('2024/01/01-00:00:00.000000 7f Recovering log #3\n'),
  },
  RocksDB: {
    CURRENT: text('MANIFEST-000005\n'),
    IDENTITY: text('5b6b7a0e-6a3b-4d8c-9a53-8a2d2e1f0c11'),
    'MANIFEST-000005': text('\x90\x0c\x9b\x7e\x1c\0\x01\x01\x1aleveldb.BytewiseComparator'),
    'OPTIONS-000007': text('[Version]\n  rocksdb_version=9.0.0\n'),
    '000004.log': text(''),
    '000009.sst': text('\xf7\xcf\xf4\x85\xb7\x41\xe2\x88'),
    LOCK: text(''),
  },
  'a web project': {
    'package.json': text('{"name":"shop"}'),
    'index.html': text('<!doctype html>'),
  },
  'logs of a server, with names like ours': {
    '000001.log': text('127.0.0.1 - - "GET / HTTP/1.1" 200\n'),
    '000002.log': text('127.0.0.1 - - "GET /about HTTP/1.1" 200\n'),
  },
  'somebody else’s CURRENT': { CURRENT: text('release-42\n'), 'release-42': text('binary') },
};

async function codeOf(run: () => Promise<unknown>): Promise<LsmErrorCode | 'none'> {
  try {
    await run();
    return 'none';
  } catch (error) {
    if (isLsmError(error)) return error.code;
    throw error;
  }
}

describe('a directory of something else is refused and stays as it was:', () => {
  it.each(Object.keys(strangers))('%s', async (name) => {
    const files = Object.entries(strangers[name]);
    const fs = MemoryFileSystem.from(
      files.map(([file, bytes]) => [`/there/${file}`, bytes] as const),
    );
    const before = fs.snapshotFiles();
    for (const tryIt of [
      () => open('/there', { fs }),
      () => open('/there', { fs, readOnly: true }),
      () => open('/there', { fs, createIfMissing: false }),
    ]) {
      expect(['LSM_NOT_A_DATABASE', 'LSM_CORRUPTION']).toContain(await codeOf(tryIt));
      if (/DB$/.test(name)) {
        await expect(tryIt()).rejects.toThrow(
          /\/there is a LevelDB or a RocksDB.*nori import-leveldb/,
        );
      }
      expect(fs.snapshotFiles()).toEqual(before);
    }
    const verified = await verifyDatabase('/there', { fs }).then(
      (report) => report.damages.length > 0,
      (error: unknown) => isLsmError(error, 'LSM_NOT_A_DATABASE'),
    );
    expect(verified).toBe(true);
    expect(fs.snapshotFiles()).toEqual(before);
  });

  it('a file of one database in the directory of another', async () => {
    const [version] = versions;
    const ours = loadDatabase(version, 'tables-none');
    const theirs = loadDatabase(version, 'tables-zstd');
    for (const path of theirs.snapshotFiles().keys()) {
      const fs = ours.clone();
      fs.writeBytes(path, theirs.readBytes(path));
      const before = fs.snapshotFiles();
      const found = await codeOf(async () => {
        const db = await open('/db', { fs, readOnly: true });
        await db.close();
      });
      expect(found, path).toBe('LSM_CORRUPTION');
      expect((await verifyDatabase('/db', { fs })).damages.length).toBeGreaterThan(0);
      expect(fs.snapshotFiles()).toEqual(before);
    }
  });
});
