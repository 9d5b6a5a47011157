import { describe, expect, it } from 'vitest';
import type { FileSystem } from '../../src/fs/file-system.js';
import { MemoryFileSystem } from '../../src/fs/memory-file-system.js';
import { RecordingFileSystem } from '../../src/fs/recording-file-system.js';

async function work(fs: FileSystem): Promise<void> {
  const lock = await fs.lockDirectory('/db');
  const file = await fs.create('/db/CURRENT.tmp');
  await file.write(new Uint8Array(100), 10, 64, 56);
  await file.truncate(4096);
  await file.sync();
  await file.size();
  await file.read(new Uint8Array(8), 0, 8, 4);
  await file.close();
  await fs.rename('/db/CURRENT.tmp', '/db/CURRENT');
  await fs.link('/db/CURRENT', '/elsewhere');
  await fs.remove('/db/CURRENT');
  await fs.syncDirectory('/db');
  await fs.makeDirectory('/db/lost');
  await fs.removeDirectory('/db/lost');
  await fs.stat('/db');
  await fs.list('/db');
  await (await fs.open('/elsewhere')).close();
  await lock.release();
}

async function workSync(fs: FileSystem): Promise<void> {
  const file = fs.createSync!('/db/CURRENT.tmp');
  file.writeSync!(new Uint8Array(100), 10, 64, 56);
  file.truncateSync!(4096);
  file.syncSync!();
  file.sizeSync!();
  file.readSync!(new Uint8Array(8), 0, 8, 4);
  file.closeSync!();
  fs.renameSync!('/db/CURRENT.tmp', '/db/CURRENT');
  fs.syncDirectorySync!('/db');
  fs.openSync!('/db/CURRENT').closeSync!();
}

async function record(
  options: ConstructorParameters<typeof RecordingFileSystem>[1] = {},
): Promise<RecordingFileSystem> {
  const memory = new MemoryFileSystem();
  await memory.makeDirectory('/db');
  return new RecordingFileSystem(memory, { root: '/db', ...options });
}

describe('RecordingFileSystem', () => {
  it('writes down each call', async () => {
    const fs = await record();
    await work(fs);
    expect(fs.lines).toEqual([
      'lock .',
      'create CURRENT.tmp',
      'write CURRENT.tmp 56..120',
      'truncate CURRENT.tmp 4096',
      'sync CURRENT.tmp',
      'size CURRENT.tmp',
      'read CURRENT.tmp 4..12',
      'close CURRENT.tmp',
      'rename CURRENT.tmp -> CURRENT',
      'link CURRENT -> /elsewhere',
      'remove CURRENT',
      'sync-directory .',
      'make-directory lost',
      'remove-directory lost',
      'stat .',
      'list .',
      'open /elsewhere',
      'close /elsewhere',
      'unlock .',
    ]);
  });

  it('writes down synchronous calls as their twins', async () => {
    const fs = await record();
    await workSync(fs);
    expect(fs.lines).toEqual([
      'create CURRENT.tmp',
      'write CURRENT.tmp 56..120',
      'truncate CURRENT.tmp 4096',
      'sync CURRENT.tmp',
      'size CURRENT.tmp',
      'read CURRENT.tmp 4..12',
      'close CURRENT.tmp',
      'rename CURRENT.tmp -> CURRENT',
      'sync-directory .',
      'open CURRENT',
      'close CURRENT',
    ]);
    expect(fs.changes).toEqual([
      'create CURRENT.tmp',
      'write CURRENT.tmp 56..120',
      'truncate CURRENT.tmp 4096',
      'sync CURRENT.tmp',
      'rename CURRENT.tmp -> CURRENT',
      'sync-directory .',
    ]);
    expect(fs.calls).toBe(11);
    fs.clear();
    expect(fs.lines).toEqual([]);
    expect(fs.calls).toBe(11);
  });

  it.each([
    ['asynchronous', work],
    ['synchronous', workSync],
  ])('dies at every call of %s work, and stays dead', async (_, run) => {
    const whole = await record();
    await run(whole);
    for (let n = 0; n < whole.calls; n++) {
      const fs = await record();
      fs.dieAt(n);
      expect(fs.isDead).toBe(false);
      await expect(run(fs)).rejects.toMatchObject({ code: 'EIO' });
      expect(fs.isDead).toBe(true);
      expect(fs.lines).toEqual(whole.lines.slice(0, n));
      await expect(fs.stat('/db')).rejects.toMatchObject({ code: 'EIO' });
    }
  });

  it('lets a hook refuse a call, which is then not made', async () => {
    const seen: string[] = [];
    const fs = await record({
      beforeCall(operation, path, index) {
        seen.push(`${index} ${operation} ${path}`);
        if (operation === 'sync') throw new Error('no sync today');
      },
    });
    const file = await fs.create('/db/a');
    await file.write(new Uint8Array(1), 0, 1, 0);
    await expect(file.sync()).rejects.toThrow('no sync today');
    expect(() => file.syncSync!()).toThrow('no sync today');
    await file.close();
    expect(seen).toEqual([
      '0 create /db/a',
      '1 write /db/a',
      '2 sync /db/a',
      '3 sync /db/a',
      '4 close /db/a',
    ]);
    expect(fs.lines).toEqual(['create a', 'write a 0..1', 'close a']);
  });
});
