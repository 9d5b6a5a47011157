import { describe, expect, it } from 'vitest';
import { MemoryFileSystem, RecordingFileSystem, type FileSystem } from '../../src/fs.js';
import { open, type Database, type OpenOptions } from '../../src/index.js';

const text = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const;

function openText(
  fs: FileSystem,
  options: Omit<OpenOptions, 'keyEncoding' | 'valueEncoding'> = {},
): Promise<Database<string, string>> {
  return open('/db', { fs, ...text, memtableBytes: 64 * 1024, compression: 'none', ...options });
}

describe('getMany', () => {
  it('reads what is on disk side by side, of one moment, in the order asked', async () => {
    const fs = new MemoryFileSystem();
    const db = await openText(fs, { blockCacheBytes: 0 });
    const x = await db.keyspace('x', { blockSizeBytes: 64 });
    const count = 1000;
    for (let i = 0; i < count; i++) void x.put(`k${i}`, `${i}`);
    await db.flush();
    const keys = Array.from({ length: count + 10 }, (_, i) => `k${(i * 7) % (count + 10)}`);
    const reading = x.getMany(keys);
    for (let i = 0; i < count; i++) void x.put(`k${i}`, 'later');
    const found = await reading;
    expect(found).toEqual(
      keys.map((key) => (Number(key.slice(1)) < count ? key.slice(1) : undefined)),
    );
    expect(x.getManySync(['k1', 'k1', 'none'])).toEqual(['later', 'later', undefined]);
    expect(await x.getMany([])).toEqual([]);
    expect(db.stats().snapshots).toEqual([]);
    await db.close();
  });

  it('is done with keys, buffers and snapshot when the call returns', async () => {
    const db = await open('/db', { fs: new MemoryFileSystem() });
    const count = 600;
    const bytes = Buffer.alloc(2 * count);
    const keys = Array.from({ length: count }, (_, i) => bytes.subarray(2 * i, 2 * i + 2));
    keys.forEach((key, i) => key.writeUInt16BE(i));
    for (const key of keys) db.putSync(key, key);
    const snapshot = db.snapshot();
    for (const key of keys) db.deleteSync(key);
    const reading = snapshot.getMany(keys);
    snapshot.close();
    bytes.fill(0xff);
    keys.length = 0;
    const found = await reading;
    expect(found.map((value) => Buffer.from(value ?? []).readUInt16BE())).toEqual(
      Array.from({ length: count }, (_, i) => i),
    );
    expect(db.stats().snapshots).toEqual([]);
    await expect(snapshot.getMany(new Array<string>(300).fill('k'))).rejects.toMatchObject({
      code: 'LSM_CLOSED',
    });
    await expect(db.getMany([...new Array<string>(300).fill('k'), 7 as never])).rejects.toThrow();
    expect(db.stats().snapshots).toEqual([]);
    await db.close();
  });

  it('leaves no read behind when one key is refused', async () => {
    const rejections: unknown[] = [];
    const note = (reason: unknown): void => void rejections.push(reason);
    process.on('unhandledRejection', note);
    const memory = new MemoryFileSystem({ sync: false });
    let isBroken = false;
    const fs = new RecordingFileSystem(memory, {
      beforeCall: (operation, path) => {
        if (isBroken && operation === 'read' && path.endsWith('.sst'))
          throw new Error('the disk says no');
      },
    });
    const db = await openText(fs, { blockCacheBytes: 0 });
    await db.put('k', 'v');
    await db.flush();
    isBroken = true;
    await expect(db.getMany(['k', 7 as never])).rejects.toThrow();
    await new Promise((resolve) => void setTimeout(resolve, 20));
    isBroken = false;
    expect(await db.getMany(['k'])).toEqual(['v']);
    await db.close();
    process.off('unhandledRejection', note);
    expect(rejections).toEqual([]);
  });
});
