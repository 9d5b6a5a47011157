import { beforeAll, describe, expect, it } from 'vitest';
import { MemoryFileSystem, RecordingFileSystem } from '../../src/fs.js';
import { open } from '../../src/index.js';
import { verifyDatabase, type Damage } from '../../src/inspect.js';
import { flipped, makeDatabase, pathOf, pathsOf, verifyWith, type Image } from './damage.js';

let image: Image;
let tables: string[];
let log: string;
let manifest: string;

beforeAll(async () => {
  image = await makeDatabase();
  tables = pathsOf(image, /\.sst$/);
  log = pathOf(image, /\.log$/);
  manifest = pathOf(image, /MANIFEST/);
});

function places(damages: readonly Damage[]): string[] {
  return damages.map(({ file, offset }) => `${file}@${offset}`);
}

describe('a sound database', () => {
  it('has no damage; everything was looked at', async () => {
    const report = await verifyWith(image, {});
    const current = image.get('/db/CURRENT')!.length;
    const bytes = [...image.values()].reduce((sum, file) => sum + file.length, 0) - current;
    expect(report).toEqual({
      filesChecked: 5,
      bytesChecked: bytes,
      entriesChecked: 95,
      tables: 3,
      logs: 1,
      damages: [],
      leftovers: [],
    });
  });

  it('that was never closed has none either', async () => {
    const fs = new MemoryFileSystem();
    const db = await open('/db', { fs });
    await db.put('a', '1');
    await db.flush();
    await db.put('b', '2');
    const report = await verifyDatabase('/db', { fs: fs.clone() });
    expect(report).toMatchObject({ damages: [], tables: 1, entriesChecked: 2 });
    await db.close();
  });

  it('can be asked itself: what is in memory is flushed first', async () => {
    const db = await open('/db', { fs: new MemoryFileSystem() });
    await db.put('a', '1');
    expect(await db.verify()).toMatchObject({ damages: [], tables: 1, entriesChecked: 1 });
    await db.close();
  });

  it('whose last log record was torn by a crash has none: that write was never promised', async () => {
    const fs = new MemoryFileSystem();
    const db = await open('/db', { fs, syncIntervalMs: 0, memtableBytes: 64 * 1024 });
    await db.put('a', '1');
    await db.put('b', '2');
    const crashed = fs.snapshotFiles();
    await db.close();
    const path = pathOf(crashed, /02\.log$/);
    const torn = crashed.get(path)!.slice(0, -3);
    expect(await verifyWith(crashed, { [path]: torn })).toMatchObject({
      damages: [],
      entriesChecked: 1,
    });
  });
});

describe('damage is named with file and offset:', () => {
  it('a data block of a table, and the keys that it may affect', async () => {
    const [path] = tables;
    const { damages } = await verifyWith(image, { [path]: flipped(image.get(path)!, 100) });
    expect(places(damages)).toEqual([`${path}@56`]);
    expect(damages[0].what).toContain('checksum');
    expect(Buffer.from(damages[0].smallest!).toString()).toBe('a10');
    expect(Buffer.from(damages[0].largest!).toString()).toBe('a15');
    expect(damages[0].keyspace).toBe('default');
    expect(damages[0].checksum?.flippedBit).toEqual({ offset: 100, bit: 5 });
  });

  it('the header and the footer of a table', async () => {
    const [path] = tables;
    const bytes = image.get(path)!;
    const front = await verifyWith(image, { [path]: flipped(bytes, 30) });
    expect(places(front.damages)).toEqual([`${path}@0`]);
    const end = await verifyWith(image, { [path]: flipped(bytes, bytes.length - 40) });
    expect(places(end.damages)).toEqual([`${path}@${bytes.length - 64}`]);
  });

  it('a table that is gone, cut off, or grown', async () => {
    const [path] = tables;
    const bytes = image.get(path)!;
    for (const changed of [undefined, bytes.slice(0, -1), new Uint8Array(0), pad(bytes)]) {
      const { damages, entriesChecked } = await verifyWith(image, { [path]: changed });
      expect(damages.length).toBe(1);
      expect(damages[0].file).toBe(path);
      expect(Buffer.from(damages[0].smallest!).toString()).toBe('a10');
      // What can be read of it is.
      const isGone = (changed?.length ?? 0) === 0;
      expect(entriesChecked).toBe(isGone ? 65 : 95);
    }
  });

  it('a table that is sound but another one', async () => {
    const [one, other] = tables;
    const { damages } = await verifyWith(image, { [one]: image.get(other)! });
    expect(damages.length).toBe(1);
    expect(damages[0].file).toBe(one);
  });

  it('a record of a log', async () => {
    const { damages } = await verifyWith(image, { [log]: flipped(image.get(log)!, 150) });
    expect(damages.length).toBe(1);
    expect(damages[0].file).toBe(log);
    expect(damages[0].offset).toBeGreaterThanOrEqual(104);
    expect(damages[0].offset).toBeLessThanOrEqual(150);
  });

  it('a log that is gone or cut off below what was synced', async () => {
    for (const changed of [undefined, image.get(log)!.slice(0, -1)]) {
      const { damages } = await verifyWith(image, { [log]: changed });
      expect(damages.length).toBe(1);
      expect(damages[0].file).toBe(log);
    }
  });

  it('an edit of the manifest', async () => {
    const { damages } = await verifyWith(image, {
      [manifest]: flipped(image.get(manifest)!, 80),
    });
    expect(damages.length).toBe(1);
    expect(damages[0].file).toBe(manifest);
    expect(damages[0].offset).toBeLessThanOrEqual(80);
  });

  it('CURRENT; and the rest is checked all the same', async () => {
    const current = '/db/CURRENT';
    const report = await verifyWith(image, { [current]: flipped(image.get(current)!, 60) });
    expect(places(report.damages)).toEqual([`${current}@0`]);
    expect(report).toMatchObject({ tables: 3, entriesChecked: 95 });
  });

  it('several at once: all of them, in one walk', async () => {
    const [first, second, third] = tables;
    const bytes = image.get(second)!;
    const { damages } = await verifyWith(image, {
      '/db/CURRENT': flipped(image.get('/db/CURRENT')!, 60),
      [first]: undefined,
      // Two data blocks and the filter or index behind them.
      [second]: flipped(bytes, 100, 500),
      [third]: flipped(image.get(third)!, 30),
      [log]: flipped(image.get(log)!, 150),
    });
    expect(damages.map(({ file }) => file).sort()).toEqual(
      ['/db/CURRENT', first, second, second, third, log].sort(),
    );
    const inSecond = damages.filter(({ file }) => file === second).map(({ offset }) => offset!);
    expect(inSecond[0]).toBeLessThanOrEqual(100);
    expect(inSecond[1]).toBeGreaterThan(100);
    expect(inSecond[1]).toBeLessThanOrEqual(500);
  });
});

describe('progress', () => {
  it('is told after each file, up to all of them', async () => {
    const done: { files: number; of: number }[] = [];
    const fs = MemoryFileSystem.from(image);
    await verifyDatabase('/db', { fs, onProgress: (progress) => done.push(progress) });
    expect(done).toEqual([1, 2, 3, 4, 5].map((files) => ({ files, of: 5 })));
  });

  it('reaches the end over damage too', async () => {
    const done: { files: number; of: number }[] = [];
    const files = new Map(image);
    files.set(tables[1], new Uint8Array(7));
    files.set(log, flipped(image.get(log)!, 150));
    const fs = MemoryFileSystem.from(files);
    await verifyDatabase('/db', { fs, onProgress: (progress) => done.push(progress) });
    expect(done.at(-1)).toEqual({ files: 5, of: 5 });
  });
});

describe('what is no damage is thrown:', () => {
  it('a place without a database, or with something else', async () => {
    const fs = MemoryFileSystem.from([['/home/letter.txt', new Uint8Array(3)]]);
    await fs.makeDirectory('/empty');
    await expect(verifyDatabase('/nowhere', { fs })).rejects.toMatchObject({
      code: 'LSM_NOT_FOUND',
    });
    await expect(verifyDatabase('/empty', { fs })).rejects.toMatchObject({ code: 'LSM_NOT_FOUND' });
    await expect(verifyDatabase('/home', { fs })).rejects.toMatchObject({
      code: 'LSM_NOT_A_DATABASE',
    });
    await expect(verifyDatabase('/home/letter.txt', { fs })).rejects.toMatchObject({
      code: 'LSM_NOT_A_DATABASE',
    });
  });

  it('a disk that fails, at any call', async () => {
    const counting = new RecordingFileSystem(MemoryFileSystem.from(image));
    await verifyDatabase('/db', { fs: counting });
    for (let call = 0; call < counting.calls; call++) {
      const failing = new RecordingFileSystem(MemoryFileSystem.from(image), {
        beforeCall: (operation, _, index) => {
          if (index !== call || operation === 'close') return;
          throw Object.assign(new Error('EIO: the disk says no'), { code: 'EIO' });
        },
      });
      const outcome = await verifyDatabase('/db', { fs: failing }).then(
        (report) => report.damages.length,
        (error: { code: string }) => error.code,
      );
      // 0: a call to close, or one that only the speed of a read depends on.
      const line = counting.lines[call];
      expect(outcome, line).toBe(line.startsWith('close') ? 0 : 'LSM_IO');
    }
  });

  it('leaves no file open, whatever was found', async () => {
    for (const path of image.keys()) {
      const files = new Map(image);
      files.set(path, flipped(image.get(path)!, 60));
      const fs = MemoryFileSystem.from(files);
      await verifyDatabase('/db', { fs });
      expect(fs.openFiles, path).toBe(0);
    }
  });
});

function pad(bytes: Uint8Array): Uint8Array {
  const longer = new Uint8Array(bytes.length + 10);
  longer.set(bytes);
  return longer;
}
