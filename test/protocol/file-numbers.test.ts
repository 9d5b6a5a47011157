import { describe, expect, it } from 'vitest';
import { MemoryFileSystem, RecordingFileSystem, type FileOperation } from '../../src/fs.js';
import { Prng } from '../../src/base/prng.js';
import { contentOf, directory, makeStage, openText, settle } from './stage.js';

/** A disk on which chosen calls fail, while `fails` is set. */
function failingDisk(memory: MemoryFileSystem): {
  readonly fs: RecordingFileSystem;
  fails: { readonly operation: FileOperation; readonly path: RegExp } | undefined;
} {
  const disk = {
    fails: undefined as { operation: FileOperation; path: RegExp } | undefined,
    fs: new RecordingFileSystem(memory, {
      root: directory,
      beforeCall: (operation, path) => {
        const { fails } = disk;
        if (operation !== fails?.operation || !fails.path.test(path)) return;
        throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
      },
    }),
  };
  return disk;
}

function numbersCreated(lines: readonly string[]): number[] {
  return lines.flatMap((line) => {
    const number = /^create (?:MANIFEST-)?0*(\d+)/.exec(line)?.[1];
    return number === undefined ? [] : [Number(number)];
  });
}

describe('file numbers', () => {
  it('are never given twice, also when the file with the highest is gone after a crash', async () => {
    let memory = new MemoryFileSystem();
    const used: number[] = [];
    for (let session = 0; session < 5; session++) {
      // The power fails when a compaction has written a table whose name is not durable.
      let isCompacting = false;
      let survivor: MemoryFileSystem | undefined;
      const disk: MemoryFileSystem = memory;
      const calls = new RecordingFileSystem(disk, {
        root: directory,
        beforeCall: (operation, path) => {
          if (!isCompacting || operation !== 'sync' || !path.endsWith('.sst')) return;
          isCompacting = false;
          survivor = disk.clone().crash({ keep: 0, random: new Prng(session) });
          used.push(...numbersCreated(calls.lines));
        },
      });
      const db = await openText(calls);
      for (let i = 0; i < 2; i++) {
        await db.put('k', `${session} ${i}`, { durability: 'disk' });
        await db.flush();
      }
      await settle(db);
      isCompacting = true;
      await db.compactRange();
      await db.close();
      memory = survivor!;
    }
    expect(used.length).toBeGreaterThan(15);
    expect(used.length - new Set(used).size, `given again, of ${used.join()}`).toBe(0);
  });

  it('go on above every name in the directory, whatever the manifest says', async () => {
    const { memory } = makeStage();
    await (await openText(memory)).close();
    memory.writeBytes(`${directory}/005000.sst`, Uint8Array.of(1));
    const { calls } = makeStage(memory);
    const db = await openText(calls);
    await db.put('k', '1');
    await db.flush();
    await settle(db);
    await db.close();
    expect(Math.min(...numbersCreated(calls.lines))).toBeGreaterThan(5000);
  });

  it('are reserved again when no edit has renewed them: a thousand logs that cannot be made', async () => {
    const memory = new MemoryFileSystem();
    const disk = failingDisk(memory);
    const db = await openText(disk.fs);
    await settle(db);
    disk.fails = { operation: 'create', path: /\.log$/ };
    const value = 'x'.repeat(10_000);
    const messages = new Set<string>();
    for (let i = 0; i < 1200; i++) {
      try {
        db.putSync(`k${i}`, value);
      } catch (error) {
        messages.add((error as Error).message.replace(/\d+/, 'N'));
      }
    }
    expect([...messages]).toEqual([`creating ${directory}/N.log: EMFILE: too many open files`]);
    disk.fails = undefined;
    db.putSync('after', value);
    await db.close();
    expect(Object.keys(await contentOf(memory))).toContain('after');
  });

  it('that cannot be reserved are a failure of the manifest: no more writes, at once', async () => {
    const memory = new MemoryFileSystem();
    let syncFails = false;
    const fs = new RecordingFileSystem(memory, {
      beforeCall: (operation, path) => {
        const isOut = operation === 'create' && path.endsWith('.log') && syncFails;
        const isSync = operation === 'sync' && path.includes('MANIFEST') && syncFails;
        if (isOut || isSync) throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
      },
    });
    const db = await openText(fs);
    await settle(db);
    syncFails = true;
    const codes = new Set<string>();
    for (let i = 0; i < 1200; i++) {
      try {
        db.putSync(`k${i}`, 'x'.repeat(10_000));
      } catch (error) {
        codes.add((error as { code: string }).code);
      }
    }
    expect([...codes]).toEqual(['LSM_IO', 'LSM_FAILED']);
    expect(db.stats().failure).toContain('manifest');
    syncFails = false;
    await expect(db.put('late', '1')).rejects.toMatchObject({ code: 'LSM_FAILED' });
    await db.close();
  });
});
