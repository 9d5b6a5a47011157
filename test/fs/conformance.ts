import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { File, FileSystem } from '../../src/fs/file-system.js';
import { isLsmError } from '../../src/base/errors.js';

/** A fresh file system, and an empty directory in it to play in. */
export interface Playground {
  readonly fs: FileSystem;
  readonly directory: string;
  cleanUp(): Promise<void>;
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** How the operations that have a synchronous twin are called. */
interface Calls {
  create(fs: FileSystem, path: string): Promise<File>;
  open(fs: FileSystem, path: string, options?: { writable?: boolean }): Promise<File>;
  rename(fs: FileSystem, from: string, to: string): Promise<void>;
  syncDirectory(fs: FileSystem, path: string): Promise<void>;
  read(
    file: File,
    target: Uint8Array,
    at: number,
    length: number,
    position: number,
  ): Promise<number>;
  write(
    file: File,
    source: Uint8Array,
    at: number,
    length: number,
    position: number,
  ): Promise<void>;
  truncate(file: File, size: number): Promise<void>;
  sync(file: File): Promise<void>;
  size(file: File): Promise<number>;
  close(file: File): Promise<void>;
}

const asynchronous: Calls = {
  create: (fs, path) => fs.create(path),
  open: (fs, path, options) => fs.open(path, options),
  rename: (fs, from, to) => fs.rename(from, to),
  syncDirectory: (fs, path) => fs.syncDirectory(path),
  read: (file, target, at, length, position) => file.read(target, at, length, position),
  write: (file, source, at, length, position) => file.write(source, at, length, position),
  truncate: (file, size) => file.truncate(size),
  sync: (file) => file.sync(),
  size: (file) => file.size(),
  close: (file) => file.close(),
};

const synchronous: Calls = {
  create: async (fs, path) => fs.createSync!(path),
  open: async (fs, path, options) => fs.openSync!(path, options),
  rename: async (fs, from, to) => fs.renameSync!(from, to),
  syncDirectory: async (fs, path) => fs.syncDirectorySync!(path),
  read: async (file, target, at, length, position) => file.readSync!(target, at, length, position),
  write: async (file, source, at, length, position) =>
    file.writeSync!(source, at, length, position),
  truncate: async (file, size) => file.truncateSync!(size),
  sync: async (file) => file.syncSync!(),
  size: async (file) => file.sizeSync!(),
  close: async (file) => file.closeSync!(),
};

/** What every file system must do; run it on each implementation. */
export function describeFileSystem(
  name: string,
  make: () => Promise<Playground>,
  { hasSync = true } = {},
): void {
  describe(name, () => {
    let playground: Playground;
    let fs: FileSystem;
    let at: (name: string) => string;
    beforeEach(async () => {
      playground = await make();
      fs = playground.fs;
      at = (file) => `${playground.directory}/${file}`;
    });
    afterEach(() => playground.cleanUp());

    describe('asynchronous calls', () => describeCalls(asynchronous));
    if (hasSync) describe('synchronous calls', () => describeCalls(synchronous));

    function describeCalls(calls: Calls): void {
      const put = async (file: string, text: string): Promise<void> => {
        const open = await calls.create(fs, at(file));
        await calls.write(open, bytesOf(text), 0, text.length, 0);
        await calls.close(open);
      };
      const get = async (file: string): Promise<string> => {
        const open = await calls.open(fs, at(file));
        const bytes = new Uint8Array(await calls.size(open));
        expect(await calls.read(open, bytes, 0, bytes.length, 0)).toBe(bytes.length);
        await calls.close(open);
        return new TextDecoder().decode(bytes);
      };

      it('reads what was written, at any position', async () => {
        const file = await calls.create(fs, at('a'));
        await calls.write(file, bytesOf('..hello..'), 2, 5, 0);
        await calls.write(file, bytesOf('HE'), 0, 2, 0);
        await calls.write(file, bytesOf('far'), 0, 3, 10_000);
        expect(await calls.size(file)).toBe(10_003);
        const target = new Uint8Array(12).fill(0x2e);
        expect(await calls.read(file, target, 3, 7, 0)).toBe(7);
        expect(new TextDecoder().decode(target)).toBe('...HEllo\0\0..');
        expect(await calls.read(file, target, 0, 12, 9_998)).toBe(5);
        expect(await calls.read(file, target, 0, 12, 10_003)).toBe(0);
        expect(await calls.read(file, target, 0, 12, 99_999)).toBe(0);
        expect(await calls.read(file, target, 0, 0, 0)).toBe(0);
        await calls.sync(file);
        await calls.close(file);
      });

      it('writes views of larger buffers', async () => {
        const whole = bytesOf('0123456789');
        const file = await calls.create(fs, at('a'));
        await calls.write(file, whole.subarray(3, 8), 1, 3, 0);
        await calls.close(file);
        expect(await get('a')).toBe('456');
      });

      it('crosses pages', async () => {
        const long = new Uint8Array(20_000).map((_, i) => i * 7);
        const file = await calls.create(fs, at('a'));
        await calls.write(file, long, 0, long.length, 4_000);
        const back = new Uint8Array(30_000);
        expect(await calls.read(file, back, 0, 30_000, 0)).toBe(24_000);
        expect(Buffer.compare(back.subarray(4_000, 24_000), long)).toBe(0);
        expect(back.subarray(0, 4_000).every((byte) => byte === 0)).toBe(true);
        await calls.close(file);
      });

      it('creates without truncating and without demanding absence', async () => {
        await put('a', 'hello');
        const again = await calls.create(fs, at('a'));
        expect(await calls.size(again)).toBe(5);
        await calls.close(again);
        expect(await get('a')).toBe('hello');
      });

      it('truncates: cuts, and extends with zeros', async () => {
        const file = await calls.create(fs, at('a'));
        await calls.write(file, bytesOf('hello world'), 0, 11, 0);
        await calls.truncate(file, 5);
        expect(await calls.size(file)).toBe(5);
        await calls.truncate(file, 9_000);
        expect(await calls.size(file)).toBe(9_000);
        const back = new Uint8Array(9_000).fill(1);
        expect(await calls.read(file, back, 0, 9_000, 0)).toBe(9_000);
        expect(new TextDecoder().decode(back.subarray(0, 5))).toBe('hello');
        expect(back.subarray(5).every((byte) => byte === 0)).toBe(true);
        await calls.close(file);
      });

      it('names what is missing', async () => {
        await expect(calls.open(fs, at('nothing'))).rejects.toMatchObject({ code: 'ENOENT' });
        await expect(calls.create(fs, at('no/where'))).rejects.toMatchObject({ code: 'ENOENT' });
        await expect(calls.rename(fs, at('nothing'), at('b'))).rejects.toMatchObject({
          code: 'ENOENT',
        });
        await expect(calls.syncDirectory(fs, at('nothing'))).rejects.toMatchObject({
          code: 'ENOENT',
        });
      });

      it('writes only to files opened for it', async () => {
        await put('a', 'hello');
        const readOnly = await calls.open(fs, at('a'));
        await expect(calls.write(readOnly, bytesOf('x'), 0, 1, 0)).rejects.toMatchObject({
          code: 'EBADF',
        });
        await expect(calls.truncate(readOnly, 0)).rejects.toMatchObject({ code: 'EINVAL' });
        await calls.close(readOnly);
        const writable = await calls.open(fs, at('a'), { writable: true });
        await calls.write(writable, bytesOf('J'), 0, 1, 0);
        await calls.close(writable);
        expect(await get('a')).toBe('Jello');
      });

      it('renames over an existing file', async () => {
        await put('a', 'new');
        await put('b', 'old');
        await calls.rename(fs, at('a'), at('b'));
        await calls.syncDirectory(fs, playground.directory);
        expect(await get('b')).toBe('new');
        expect(await fs.list(playground.directory)).toEqual(['b']);
      });

      it('keeps the content of an open file whose name is gone', async () => {
        await put('a', 'hello');
        const file = await calls.open(fs, at('a'));
        await fs.remove(at('a'));
        const back = new Uint8Array(5);
        expect(await calls.read(file, back, 0, 5, 0)).toBe(5);
        expect(new TextDecoder().decode(back)).toBe('hello');
        await calls.close(file);
      });

      it('refuses calls on a closed file, and closes twice', async () => {
        const file = await calls.create(fs, at('a'));
        await calls.close(file);
        await calls.close(file);
        // The number of its descriptor may belong to another file by now.
        const other = await calls.create(fs, at('b'));
        const bytes = new Uint8Array(1);
        const bad = { code: 'EBADF' };
        await expect(calls.write(file, bytes, 0, 1, 0)).rejects.toMatchObject(bad);
        await expect(calls.read(file, bytes, 0, 1, 0)).rejects.toMatchObject(bad);
        await expect(calls.sync(file)).rejects.toMatchObject(bad);
        await expect(calls.truncate(file, 0)).rejects.toMatchObject(bad);
        await expect(calls.size(file)).rejects.toMatchObject(bad);
        expect(await calls.size(other)).toBe(0);
        await calls.close(other);
      });
    }

    it('has all synchronous calls or none', async () => {
      expect(fs.hasSync).toBe(hasSync);
      const file = await fs.create(at('a'));
      const present = [
        fs.openSync,
        fs.createSync,
        fs.renameSync,
        fs.syncDirectorySync,
        file.readSync,
        file.writeSync,
        file.truncateSync,
        file.syncSync,
        file.sizeSync,
        file.closeSync,
      ].map((method) => method !== undefined);
      expect(present).toEqual(present.map(() => fs.hasSync));
      await file.close();
    });

    it('settles calls under way before a file is closed', async () => {
      const file = await fs.create(at('a'));
      const large = new Uint8Array(1 << 20).fill(7);
      const order: string[] = [];
      const write = file.write(large, 0, large.length, 0).then(() => order.push('write'));
      const sync = file.sync().then(() => order.push('sync'));
      const close = file.close().then(() => order.push('close'));
      await Promise.all([write, sync, close]);
      expect(order.at(-1)).toBe('close');
      expect((await fs.stat(at('a')))?.size).toBe(large.length);
    });

    if (hasSync) {
      it('closes synchronously beside a call under way without harm', async () => {
        const file = await fs.create(at('a'));
        const large = new Uint8Array(1 << 20).fill(7);
        const write = file.write(large, 0, large.length, 0);
        file.closeSync!();
        await write;
        expect((await fs.stat(at('a')))?.size).toBe(large.length);
        await expect(file.size()).rejects.toMatchObject({ code: 'EBADF' });
      });
    }

    it('lists, tells files from directories, removes', async () => {
      await fs.makeDirectory(at('one/two'));
      await fs.makeDirectory(at('one/two'));
      await (await fs.create(at('one/file'))).close();
      expect((await fs.list(at('one'))).sort()).toEqual(['file', 'two']);
      expect(await fs.stat(at('one'))).toMatchObject({ isDirectory: true });
      expect(await fs.stat(at('one/file'))).toEqual({ isDirectory: false, size: 0 });
      expect(await fs.stat(at('one/nothing'))).toBeUndefined();
      expect(await fs.stat(at('one/file/below'))).toBeUndefined();
      await expect(fs.list(at('nothing'))).rejects.toMatchObject({ code: 'ENOENT' });
      await expect(fs.remove(at('one/nothing'))).rejects.toMatchObject({ code: 'ENOENT' });
      await expect(fs.removeDirectory(at('one'))).rejects.toMatchObject({ code: 'ENOTEMPTY' });
      await expect(fs.makeDirectory(at('one/file'))).rejects.toMatchObject({ code: 'EEXIST' });
      await fs.remove(at('one/file'));
      await fs.removeDirectory(at('one/two'));
      await fs.removeDirectory(at('one'));
      expect(await fs.list(playground.directory)).toEqual([]);
    });

    it('links: two names, one file', async () => {
      const file = await fs.create(at('a'));
      await fs.link(at('a'), at('b'));
      await file.write(bytesOf('shared'), 0, 6, 0);
      await file.close();
      expect(await fs.stat(at('b'))).toEqual({ isDirectory: false, size: 6 });
      await expect(fs.link(at('a'), at('b'))).rejects.toMatchObject({ code: 'EEXIST' });
      await expect(fs.link(at('nothing'), at('c'))).rejects.toMatchObject({ code: 'ENOENT' });
      await fs.remove(at('a'));
      expect(await fs.stat(at('b'))).toEqual({ isDirectory: false, size: 6 });
    });

    it('renames across directories', async () => {
      await fs.makeDirectory(at('lost'));
      await (await fs.create(at('a'))).close();
      await fs.rename(at('a'), at('lost/a'));
      expect(await fs.list(playground.directory)).toEqual(['lost']);
      expect(await fs.list(at('lost'))).toEqual(['a']);
    });

    it('locks a directory for one owner at a time', async () => {
      const lock = await fs.lockDirectory(playground.directory);
      const second = fs.lockDirectory(playground.directory);
      await expect(second).rejects.toSatisfy((error) => isLsmError(error, 'LSM_LOCKED'));
      await lock.release();
      await lock.release();
      const again = await fs.lockDirectory(playground.directory);
      const waiting = fs.lockDirectory(playground.directory, { timeoutMs: 60_000 });
      await again.release();
      await (await waiting).release();
    });

    it('gives up waiting for a lock', async () => {
      const lock = await fs.lockDirectory(playground.directory);
      const second = fs.lockDirectory(playground.directory, { timeoutMs: 30 });
      await expect(second).rejects.toSatisfy((error) => isLsmError(error, 'LSM_LOCKED'));
      await lock.release();
      await (await fs.lockDirectory(playground.directory)).release();
    });
  });
}
