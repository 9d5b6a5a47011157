import { describe, expect, it } from 'vitest';
import type { File, FileSystem } from '../../src/fs.js';
import { FaultFileSystem, MemoryFileSystem, Prng, type FaultRule } from '../../src/testing.js';

const hello = new TextEncoder().encode('hello');

async function diskWith(...rules: FaultRule[]): Promise<FaultFileSystem> {
  const memory = new MemoryFileSystem();
  await memory.makeDirectory('/db');
  return new FaultFileSystem(memory, rules);
}

/** The same calls in both forms. */
const forms = [
  {
    form: 'asynchronous',
    create: (fs: FileSystem, path: string) => fs.create(path),
    write: (file: File) => file.write(hello, 0, 5, 0),
    read: (file: File, target: Uint8Array) => file.read(target, 0, target.length, 0),
    close: (file: File) => file.close(),
    rename: (fs: FileSystem, from: string, to: string) => fs.rename(from, to),
  },
  {
    form: 'synchronous',
    create: async (fs: FileSystem, path: string) => fs.createSync!(path),
    write: async (file: File) => file.writeSync!(hello, 0, 5, 0),
    read: async (file: File, target: Uint8Array) => file.readSync!(target, 0, target.length, 0),
    close: async (file: File) => file.closeSync!(),
    rename: async (fs: FileSystem, from: string, to: string) => fs.renameSync!(from, to),
  },
];

async function codesOf(count: number, call: () => Promise<unknown>): Promise<string[]> {
  const codes: string[] = [];
  for (let i = 0; i < count; i++) {
    codes.push(
      await call().then(
        () => 'ok',
        (error: { code: string }) => error.code,
      ),
    );
  }
  return codes;
}

describe.each(forms)('$form calls that meet a fault', ({ create, write, read, close, rename }) => {
  it('fail without effect: the n-th that matches, once or from then on', async () => {
    const fs = await diskWith({ operation: 'write', path: /\.log$/, nth: 2, error: 'EIO' });
    const log = await create(fs, '/db/1.log');
    const table = await create(fs, '/db/2.sst');
    await write(table);
    await write(table);
    expect(await codesOf(3, () => write(log))).toEqual(['ok', 'EIO', 'ok']);
    fs.inject({ operation: ['write', 'sync'], nth: 2, error: 'EIO', times: 'forever' });
    expect(await codesOf(3, () => write(log))).toEqual(['ok', 'EIO', 'EIO']);
    fs.lift();
    expect(await codesOf(1, () => write(log))).toEqual(['ok']);
    const empty = await create(fs, '/db/3.log');
    fs.inject({ operation: 'write', error: 'EIO' });
    expect(await codesOf(1, () => write(empty))).toEqual(['EIO']);
    expect(await empty.size()).toBe(0);
  });

  it('write only their first bytes, and say that the disk is full', async () => {
    const fs = await diskWith({ operation: 'write', bytes: 2 });
    const file = await create(fs, '/db/a');
    await expect(write(file)).rejects.toMatchObject({ code: 'ENOSPC', path: '/db/a' });
    expect(await file.size()).toBe(2);
    fs.inject({ operation: 'write', bytes: 99, error: 'EIO' });
    await expect(write(file)).rejects.toMatchObject({ code: 'EIO' });
    expect(await file.size()).toBe(5);
  });

  it('read only some bytes, as if the file ended there', async () => {
    const fs = await diskWith({ operation: 'read', bytes: 3 });
    const file = await create(fs, '/db/a');
    await write(file);
    const target = new Uint8Array(5);
    expect(await read(file, target)).toBe(3);
    expect(target).toEqual(Uint8Array.of(...hello.subarray(0, 3), 0, 0));
    expect(await read(file, target)).toBe(5);
  });

  it('close a file also when closing fails', async () => {
    const memory = new MemoryFileSystem();
    const fs = new FaultFileSystem(memory, [{ operation: 'close', error: 'EIO' }]);
    const file = await create(fs, '/a');
    expect(await codesOf(2, () => close(file))).toEqual(['EIO', 'ok']);
    expect(memory.openFiles).toBe(0);
  });

  it('are done although they fail', async () => {
    const fs = await diskWith({
      path: /CURRENT$/,
      operation: 'rename',
      error: 'EIO',
      isDone: true,
    });
    await create(fs, '/db/CURRENT.tmp');
    await expect(rename(fs, '/db/CURRENT.tmp', '/db/CURRENT')).rejects.toMatchObject({
      code: 'EIO',
    });
    expect(await fs.list('/db')).toEqual(['CURRENT']);
  });
});

describe('a fault', () => {
  it('counts synchronous calls together with their twins, and notes which met it', async () => {
    const fs = await diskWith({ operation: 'write', nth: 3, error: 'EIO', times: 'forever' });
    const file = await fs.create('/db/a');
    await file.write(hello, 0, 5, 0);
    file.writeSync!(hello, 0, 5, 0);
    await expect(file.write(hello, 0, 5, 0)).rejects.toMatchObject({ code: 'EIO' });
    expect(() => file.writeSync!(hello, 0, 5, 0)).toThrow(/EIO/);
    expect(fs.faults[0].calls).toEqual([
      { operation: 'write', path: '/db/a', index: 3 },
      { operation: 'write', path: '/db/a', index: 4 },
    ]);
    expect(fs.calls).toBe(5);
  });

  it('meets only calls that can: files run out where one is opened, space where it is needed', async () => {
    const fs = await diskWith({ error: 'EMFILE', times: 'forever' });
    await expect(fs.create('/db/a')).rejects.toMatchObject({ code: 'EMFILE' });
    expect(() => fs.openSync!('/db/a')).toThrow(/EMFILE/);
    await expect(fs.list('/db')).rejects.toMatchObject({ code: 'EMFILE' });
    await expect(fs.lockDirectory('/db')).rejects.toMatchObject({ code: 'EMFILE' });
    expect(await fs.stat('/db/a')).toBeUndefined();
    fs.lift();
    const file = await fs.create('/db/a');
    fs.inject({ error: 'ENOSPC', times: 'forever' });
    expect(await file.read(new Uint8Array(1), 0, 1, 0)).toBe(0);
    await expect(file.sync()).rejects.toMatchObject({ code: 'ENOSPC' });
    await fs.remove('/db/a');
    await file.close();
  });

  it.each<[string, FaultRule]>([
    ['a write that lacks descriptors', { operation: 'write', error: 'EMFILE' }],
    ['a read that lacks space', { operation: ['write', 'read'], error: 'ENOSPC' }],
    ['a short sync', { operation: 'sync', bytes: 1 }],
    ['a short read that fails', { operation: 'read', bytes: 1, error: 'EIO' }],
    ['a file that is opened and lost', { operation: 'create', error: 'EIO', isDone: true }],
  ])('is refused when no call can meet it: %s', async (_, rule) => {
    const fs = await diskWith();
    expect(() => fs.inject(rule)).toThrow(
      expect.objectContaining({ code: 'LSM_INVALID_ARGUMENT' }),
    );
  });

  it('holds asynchronous calls until it is lifted, and closing waits for them', async () => {
    const fs = await diskWith();
    const held = fs.inject({ operation: 'write', isHeld: true, times: 'forever' });
    const file = await fs.create('/db/a');
    const order: string[] = [];
    const write = file.write(hello, 0, 5, 0).then(() => order.push('write'));
    const close = file.close().then(() => order.push('close'));
    await held.reached;
    expect((await fs.stat('/db/a'))!.size).toBe(0);
    await expect(file.sync()).rejects.toMatchObject({ code: 'EBADF' });
    expect(order).toEqual([]);
    held.lift();
    await Promise.all([write, close]);
    expect(order).toEqual(['write', 'close']);
    expect((await fs.stat('/db/a'))!.size).toBe(5);
  });

  it('lets synchronous calls pass that it would hold', async () => {
    const fs = await diskWith({ isHeld: true, times: 'forever', operation: ['write', 'sync'] });
    const file = await fs.create('/db/a');
    const write = file.write(new Uint8Array(5), 0, 5, 0);
    file.writeSync!(hello, 0, 5, 0);
    file.closeSync!();
    expect((await fs.stat('/db/a'))!.size).toBe(5);
    fs.lift();
    await write;
    await expect(file.size()).rejects.toMatchObject({ code: 'EBADF' });
  });

  it('tells when it is met, before anything becomes of the call', async () => {
    const memory = new MemoryFileSystem();
    memory.writeBytes('/a', hello);
    const fs = new FaultFileSystem(memory, [
      {
        operation: 'sync',
        error: 'EIO',
        onMet: ({ operation, path }) => {
          expect(operation).toBe('sync');
          memory.loseUnsynced(path);
        },
      },
    ]);
    const file = await fs.open('/a', { writable: true });
    await file.write(hello, 0, 1, 5);
    await expect(file.sync()).rejects.toMatchObject({ code: 'EIO' });
    await file.sync();
    expect(memory.crash({ keep: 0, random: new Prng(1) }).readBytes('/a')).toEqual(hello);
  });

  it('delays by turns of the event loop', async () => {
    const fs = await diskWith({ operation: 'stat', turns: 2 });
    let isThere = false;
    const stat = fs.stat('/db').then(() => (isThere = true));
    await new Promise((resolve) => void setImmediate(resolve));
    expect(isThere).toBe(false);
    await stat;
  });

  it('that delays adds to one that fails; of two that fail the first decides', async () => {
    const fs = await diskWith(
      { operation: 'stat', isHeld: true },
      { operation: 'stat', error: 'EIO' },
      { operation: 'stat', error: 'EACCES' },
    );
    const stat = fs.stat('/db');
    fs.faults[0].lift();
    await expect(stat).rejects.toMatchObject({ code: 'EIO' });
    expect(fs.faults.map(({ calls }) => calls.length)).toEqual([1, 1, 1]);
    expect((await fs.stat('/db'))!.isDirectory).toBe(true);
  });
});
