import { beforeEach, describe, expect, it } from 'vitest';
import { open, type Database } from '../../src/index.js';
import { FaultFileSystem, MemoryFileSystem, Prng } from '../../src/testing.js';

const text = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const;
const large = 'x'.repeat(10_000);

let memory: MemoryFileSystem;
let disk: FaultFileSystem;
let db: Database<string, string>;

function openText(): Promise<Database<string, string>> {
  return open('/db', { ...text, fs: disk, memtableBytes: 64 * 1024 });
}

beforeEach(async () => {
  memory = new MemoryFileSystem();
  disk = new FaultFileSystem(memory);
  db = await openText();
  await db.put('a', '1');
  await db.flush();
});

async function closeAndCount(): Promise<number> {
  await db.close();
  return memory.openFiles;
}

/** The directory cannot be synced once the file of the next log is made, and later. */
function failNextLog(error: 'EIO' | 'EMFILE'): void {
  disk.inject({
    operation: 'create',
    path: /\.log$/,
    onMet: () => disk.inject({ operation: 'sync-directory', error, times: 'forever' }),
  });
}

describe('when the directory cannot be synced for the next log', () => {
  it('who waits for it hears that the handle has failed, and nothing stays open', async () => {
    failNextLog('EIO');
    db.putSync('b', '2');
    const first = db.flush();
    db.putSync('c', '3');
    const second = db.flush();
    await expect(first).rejects.toMatchObject({ code: 'LSM_FAILED' });
    await expect(second).rejects.toMatchObject({ code: 'LSM_FAILED' });
    expect(() => db.putSync('d', '4')).toThrow(expect.objectContaining({ code: 'LSM_FAILED' }));
    expect(db.stats().failure).toContain('EIO');
    expect(await closeAndCount()).toBe(0);
  });

  it('no edit counts on a later sync of the directory', async () => {
    // The next log is being made while the table is written; who syncs the directory next, succeeds.
    const table = disk.inject({ operation: 'sync', path: /\.sst$/, isHeld: true });
    const directory = disk.inject({ operation: 'sync-directory', error: 'EIO' });
    db.putSync('b', '2');
    const flushed = db.flush();
    await expect(flushed).rejects.toMatchObject({ code: 'LSM_FAILED' });
    expect(directory.calls).toHaveLength(1);
    const edits = disk.inject({ path: /MANIFEST/, operation: 'write', times: 'forever' });
    await table.reached;
    table.lift();
    await db.close();
    expect(edits.calls).toEqual([]);
    const survivor = memory.crash({ keep: 0, random: new Prng(1) });
    disk = new FaultFileSystem(survivor);
    db = await openText();
    expect(db.getSync('a')).toBe('1');
    await db.close();
  });

  it('goes on by itself when it could only not be opened', async () => {
    failNextLog('EMFILE');
    db.putSync('b', '2');
    const first = db.flush();
    db.putSync('c', '3');
    const second = db.flush();
    await expect(first).rejects.toMatchObject({ code: 'LSM_TOO_MANY_FILES' });
    await expect(second).rejects.toMatchObject({ code: 'LSM_TOO_MANY_FILES' });
    disk.lift();
    await db.flush();
    expect([...db.keysSync()]).toEqual(['a', 'b', 'c']);
    await db.put('d', '4');
    await db.flush();
    expect(await closeAndCount()).toBe(0);
    const logs = [...memory.snapshotFiles().keys()].filter((path) => path.endsWith('.log'));
    expect(logs).toHaveLength(1);
  });
});

describe('when a new table cannot be emptied', () => {
  it('it is closed, however often that is tried', async () => {
    const before = memory.openFiles;
    disk.inject({ operation: 'truncate', path: /\.sst$/, error: 'EIO', times: 'forever' });
    await db.put('b', '2');
    for (let i = 0; i < 3; i++) await expect(db.flush()).rejects.toMatchObject({ code: 'LSM_IO' });
    expect(memory.openFiles).toBeLessThanOrEqual(before + 2);
    disk.lift();
    await db.flush();
    expect(await closeAndCount()).toBe(0);
  });
});

describe('when a log cannot be closed', () => {
  it('a flush that needs it no more is done all the same', async () => {
    disk.inject({ operation: 'close', path: /\.log$/, error: 'EIO', times: 'forever' });
    await db.put('b', large);
    await db.flush();
    expect(db.stats().failure).toBeUndefined();
    disk.lift();
    expect(await closeAndCount()).toBe(0);
  });

  it('closing the database closes the others', async () => {
    await db.put('b', '2');
    disk.inject({ operation: 'close', path: /\.log$/, error: 'EIO', times: 'forever' });
    await expect(db.close()).rejects.toMatchObject({ code: 'LSM_IO' });
    expect(memory.openFiles).toBe(0);
    disk.lift();
    db = await openText();
    expect(db.getSync('b')).toBe('2');
    await db.close();
  });
});
