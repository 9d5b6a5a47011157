import { describe, expect, it } from 'vitest';
import { MemoryFileSystem } from '../../src/fs.js';
import { open, type LsmError, type LsmErrorCode } from '../../src/index.js';

async function codeOf(run: () => Promise<unknown>): Promise<LsmErrorCode | 'none'> {
  try {
    await run();
    return 'none';
  } catch (error) {
    return (error as LsmError).code;
  }
}

describe('open', () => {
  it('reports every wrong option at once, and makes nothing', async () => {
    const fs = new MemoryFileSystem();
    const options = { fs, memtableBytes: 1, colour: 'red', valueEncoding: 'xml' } as never;
    await expect(open('/db', options)).rejects.toThrow(
      /no option 'colour'.*valueEncoding must be one of|memtableBytes must be.*colour/,
    );
    expect(await codeOf(() => open('', { fs }))).toBe('LSM_INVALID_ARGUMENT');
    expect(await fs.stat('/db')).toBeUndefined();
  });

  it('refuses a missing database where none may be made', async () => {
    const fs = new MemoryFileSystem();
    expect(await codeOf(() => open('/db', { fs, createIfMissing: false }))).toBe('LSM_NOT_FOUND');
    expect(await codeOf(() => open('/db', { fs, readOnly: true }))).toBe('LSM_NOT_FOUND');
    expect(await fs.stat('/db')).toBeUndefined();
  });

  it('refuses an existing one with errorIfExists', async () => {
    const fs = new MemoryFileSystem();
    await (await open('/db', { fs })).close();
    expect(await codeOf(() => open('/db', { fs, errorIfExists: true }))).toBe('LSM_EXISTS');
  });

  it('leaves a directory of something else alone', async () => {
    const fs = new MemoryFileSystem();
    await fs.makeDirectory('/home');
    fs.writeBytes('/home/letter.txt', new Uint8Array(3));
    expect(await codeOf(() => open('/home', { fs }))).toBe('LSM_NOT_A_DATABASE');
    expect(await codeOf(() => open('/home/letter.txt', { fs }))).toBe('LSM_NOT_A_DATABASE');
    expect(await codeOf(() => open('/home/letter.txt/db', { fs }))).toBe('LSM_NOT_A_DATABASE');
    expect(await fs.list('/home')).toEqual(['letter.txt']);
  });

  it('lets one owner in at a time', async () => {
    const fs = new MemoryFileSystem();
    const db = await open('/db', { fs });
    expect(await codeOf(() => open('/db', { fs }))).toBe('LSM_LOCKED');
    await db.close();
    await (await open('/db', { fs })).close();
  });

  it('lets go of the lock when opening fails', async () => {
    const fs = new MemoryFileSystem();
    await (await open('/db', { fs })).close();
    const current = fs.readBytes('/db/CURRENT');
    fs.writeBytes(
      '/db/CURRENT',
      current.map((byte, i) => (i === 60 ? byte ^ 1 : byte)),
    );
    const name = [...fs.snapshotFiles().keys()].find((path) => path.includes('MANIFEST'))!;
    const manifest = fs.readBytes(name);
    fs.writeBytes(
      name,
      manifest.map((byte, i) => (i === 80 ? byte ^ 1 : byte)),
    );
    expect(await codeOf(() => open('/db', { fs }))).toBe('LSM_CORRUPTION');
    fs.writeBytes(name, manifest);
    fs.writeBytes('/db/CURRENT', current);
    await (await open('/db', { fs })).close();
  });
});

describe('a read-only database', () => {
  it('sees what a writer had handed to the OS, and stays as it was', async () => {
    const fs = new MemoryFileSystem();
    const writer = await open('/db', { fs, keyEncoding: 'utf8' });
    await writer.put('a', '1');
    await writer.flush();
    await writer.put('b', '2');
    const before = fs.snapshotFiles();
    const reader = await open('/db', { fs, keyEncoding: 'utf8', readOnly: true });
    expect([...reader.keysSync()]).toEqual(['a', 'b']);
    expect([...fs.snapshotFiles().keys()]).toEqual([...before.keys()]);
    await writer.put('c', '3');
    await writer.compactRange();
    expect(await reader.has('c')).toBe(false);
    expect([...reader.keysSync()]).toEqual(['a', 'b']);
    for (const write of [
      () => reader.put('x', '1'),
      () => reader.delete('x'),
      () => reader.batch([]),
      () => reader.flush(),
      () => reader.sync(),
      () => reader.compactRange(),
    ]) {
      expect(await codeOf(write)).toBe('LSM_READ_ONLY');
    }
    expect(reader.stats().levels[0].tables).toBe(1);
    await reader.close();
    await writer.close();
  });
});

describe('the settings of the last writer', () => {
  it('shape what a reader is told about the levels', async () => {
    const fs = new MemoryFileSystem();
    const shape = { fs, memtableBytes: 64 * 1024, tableBytes: 16 * 1024, l0CompactionTrigger: 1 };
    const writer = await open('/db', shape);
    for (let i = 0; i < 9000; i++) writer.putSync(`k${(i * 7919) % 9000}`, new Uint8Array(200));
    await writer.compactRange();
    await writer.put('more', 'x');
    await writer.flush();
    // What is due after it begins at once, and may lead to more.
    while (writer.stats().background.running.length > 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    const targets = writer.stats().levels.map((level) => level.targetBytes);
    expect(targets.some((target) => target > 0)).toBe(true);
    await writer.close();
    const reader = await open('/db', { fs, readOnly: true });
    expect(reader.stats().levels.map((level) => level.targetBytes)).toEqual(targets);
    await reader.close();
  });
});
