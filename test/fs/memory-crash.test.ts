import { describe, expect, it } from 'vitest';
import { Prng } from '../../src/base/prng.js';
import type { File } from '../../src/fs/file-system.js';
import { MemoryFileSystem } from '../../src/fs/memory-file-system.js';

const random = new Prng(1);

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function write(file: File, text: string, position = 0): void {
  file.writeSync!(bytesOf(text), 0, text.length, position);
}

/** An empty directory /db, and a way to make synced files in it. */
function start(files: Record<string, string> = {}): MemoryFileSystem {
  const fs = new MemoryFileSystem();
  void fs.makeDirectory('/db');
  for (const [name, text] of Object.entries(files)) fs.writeBytes(`/db/${name}`, bytesOf(text));
  return fs;
}

/** What is left, as text by name. */
function left(fs: MemoryFileSystem, keep: number, source = random): Record<string, string> {
  return contents(fs.clone().crash({ keep, random: source }));
}

function contents(fs: MemoryFileSystem): Record<string, string> {
  const entries = [...fs.snapshotFiles()].map(([path, bytes]) => [
    path.slice('/db/'.length),
    new TextDecoder().decode(bytes),
  ]);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1))) as Record<string, string>;
}

/** Everything that many crashes of the same state leave behind. */
function outcomes(fs: MemoryFileSystem, keep = 0.5, crashes = 200): Set<string> {
  const source = new Prng(7);
  const seen = new Set<string>();
  for (let i = 0; i < crashes; i++) seen.add(JSON.stringify(left(fs, keep, source)));
  return seen;
}

function states(...possible: Record<string, string>[]): Set<string> {
  return new Set(possible.map((state) => JSON.stringify(state)));
}

describe('content after a crash', () => {
  it('is what was synced, or with keep 1 what was written', () => {
    const fs = start();
    const file = fs.createSync!('/db/a');
    write(file, 'synced');
    file.syncSync!();
    fs.syncDirectorySync!('/db');
    write(file, 'SYN');
    write(file, '+more', 6);
    expect(left(fs, 0)).toEqual({ a: 'synced' });
    expect(left(fs, 1)).toEqual({ a: 'SYNced+more' });
  });

  it('is not synced by the death of the process', () => {
    const fs = start({ a: 'old' });
    const file = fs.openSync!('/db/a', { writable: true });
    write(file, 'new');
    fs.createSync!('/db/b');
    const restarted = fs.crash({ keep: 1, random });
    expect(contents(restarted)).toEqual({ a: 'new', b: '' });
    expect(left(restarted, 0)).toEqual({ a: 'old' });

    const again = fs.crash({ keep: 1, random });
    again.openSync!('/db/a').syncSync!();
    again.syncDirectorySync!('/db');
    expect(left(again, 0)).toEqual({ a: 'new', b: '' });
  });

  it('never has what a failed sync gave up, unless it was written again', () => {
    const fs = start({ a: 'old' });
    const file = fs.openSync!('/db/a', { writable: true });
    write(file, 'new');
    write(file, 'far', 5000);
    fs.loseUnsynced('/db/a');
    expect(file.sizeSync!()).toBe(5003);
    expect(contents(fs)['a'].slice(0, 3)).toBe('new');
    file.syncSync!();
    expect(left(fs, 0)).toEqual({ a: 'old' });
    expect(left(fs.clone(), 0)).toEqual({ a: 'old' });
    write(file, 'N');
    write(file, '!', 5003);
    file.syncSync!();
    const survived = left(fs, 0)['a'];
    expect(survived.slice(0, 3) + survived.slice(5000)).toBe('Newfar!');
  });

  it('loses each unsynced sector for itself, some of them in the middle', () => {
    const old = 'o'.repeat(4 * 512);
    const fs = start({ a: old });
    const file = fs.openSync!('/db/a', { writable: true });
    write(file, 'n'.repeat(2 * 512), 512);
    const source = new Prng(3);
    const seen = new Set<string>();
    let torn = 0;
    for (let i = 0; i < 500; i++) {
      const { a } = left(fs, 0.5, source);
      expect(a).toHaveLength(old.length);
      const sectors = [0, 1, 2, 3].map((n) => a.slice(n * 512, n * 512 + 512));
      expect(sectors[0] + sectors[3]).toBe('o'.repeat(1024));
      for (const sector of sectors) expect(sector).toMatch(/^n*o*$/);
      if (sectors.some((sector) => sector.includes('no'))) torn++;
      else seen.add(sectors.map((sector) => sector[0]).join(''));
    }
    expect(seen).toEqual(new Set(['oooo', 'onoo', 'oono', 'onno']));
    expect(torn).toBeGreaterThan(0);
  });

  it('keeps about the asked share', () => {
    const sectors = 4000;
    const fs = start({ a: 'o'.repeat(sectors * 512) });
    write(fs.openSync!('/db/a', { writable: true }), 'n'.repeat(sectors * 512));
    const { a } = left(fs, 0.25, new Prng(5));
    let kept = 0;
    for (let at = 511; at < a.length; at += 512) if (a[at] === 'n') kept++;
    expect(kept / sectors).toBeGreaterThan(0.2);
    expect(kept / sectors).toBeLessThan(0.3);
  });

  it('may have grown less than written, with holes of zeros', () => {
    const fs = start({ a: 'base' });
    const file = fs.openSync!('/db/a', { writable: true });
    write(file, 'x'.repeat(2000), 4);
    const sizes = new Set<number>();
    for (const state of outcomes(fs)) {
      const { a } = JSON.parse(state) as { a: string };
      expect(a.startsWith('base')).toBe(true);
      expect(a.slice(4)).toMatch(/^[x\0]*$/);
      expect(a.length).toBeLessThanOrEqual(2004);
      sizes.add(a.length);
    }
    expect(sizes.has(4)).toBe(true);
    expect(sizes.has(2004)).toBe(true);
    expect(sizes.size).toBeGreaterThan(2);
  });

  it('has an unsynced truncation or not', () => {
    const fs = start({ a: 'hello world' });
    const file = fs.openSync!('/db/a', { writable: true });
    file.truncateSync!(5);
    expect(left(fs, 0)).toEqual({ a: 'hello world' });
    expect(left(fs, 1)).toEqual({ a: 'hello' });
    const sizes = new Set(
      [...outcomes(fs)].map((state) => (JSON.parse(state) as { a: string }).a.length),
    );
    expect(sizes).toEqual(new Set([5, 11]));
    file.syncSync!();
    expect(left(fs, 0)).toEqual({ a: 'hello' });
  });

  it('may have old bytes or zeros where a file was cut and extended again', () => {
    const fs = start({ a: 'o'.repeat(9000) });
    const file = fs.openSync!('/db/a', { writable: true });
    file.truncateSync!(0);
    file.truncateSync!(9000);
    expect(left(fs, 0).a).toBe('o'.repeat(9000));
    expect(left(fs, 1).a).toBe('\0'.repeat(9000));
    const { a } = left(fs, 0.5);
    expect(a).toMatch(/^[o\0]*$/);
    expect(a).toContain('o');
    expect(a).toContain('\0');
  });

  it('has preallocated space as zeros', () => {
    const fs = start();
    const file = fs.createSync!('/db/a');
    file.truncateSync!(4 << 20);
    file.syncSync!();
    fs.syncDirectorySync!('/db');
    write(file, 'record', 56);
    expect(fs.usedBytes).toBe(4096);
    const after = fs.crash({ keep: 0, random });
    const bytes = after.readBytes('/db/a');
    expect(bytes.length).toBe(4 << 20);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
  });
});

describe('names after a crash', () => {
  it('are those of the last directory sync, however well the file was synced', () => {
    const fs = start();
    const file = fs.createSync!('/db/a');
    write(file, 'text');
    file.syncSync!();
    expect(left(fs, 0)).toEqual({});
    expect(left(fs, 1)).toEqual({ a: 'text' });
    fs.syncDirectorySync!('/db');
    expect(left(fs, 0)).toEqual({ a: 'text' });
  });

  it('rename at once', async () => {
    const fs = start({ CURRENT: 'old', 'CURRENT.tmp': 'new' });
    await fs.rename('/db/CURRENT.tmp', '/db/CURRENT');
    const before = { CURRENT: 'old', 'CURRENT.tmp': 'new' };
    const after = { CURRENT: 'new' };
    expect(left(fs, 0)).toEqual(before);
    expect(left(fs, 1)).toEqual(after);
    expect(outcomes(fs)).toEqual(states(before, after));
    await fs.crash({ keep: 1, random }).syncDirectory('/db');
  });

  it('never have a rename without the creation that it moved', async () => {
    const fs = start({ CURRENT: 'old' });
    const file = await fs.create('/db/CURRENT.tmp');
    write(file, 'new');
    await file.sync();
    await fs.rename('/db/CURRENT.tmp', '/db/CURRENT');
    expect(outcomes(fs)).toEqual(
      states({ CURRENT: 'old' }, { CURRENT: 'old', 'CURRENT.tmp': 'new' }, { CURRENT: 'new' }),
    );
  });

  it('never have an operation without an earlier one on the same name', async () => {
    const fs = start({ a: 'old' });
    await fs.rename('/db/a', '/db/b');
    await fs.create('/db/a');
    expect(outcomes(fs)).toEqual(states({ a: 'old' }, { b: 'old' }, { a: '', b: 'old' }));
  });

  it('lose unrelated operations in any order', async () => {
    const fs = start({ old: 'o' });
    await fs.remove('/db/old');
    const file = await fs.create('/db/new');
    await file.sync();
    expect(outcomes(fs)).toEqual(states({ old: 'o' }, { new: '', old: 'o' }, {}, { new: '' }));
  });

  it('come back when a removal was not synced', async () => {
    const fs = start({ a: 'text' });
    await fs.remove('/db/a');
    expect(left(fs, 0)).toEqual({ a: 'text' });
    expect(left(fs, 1)).toEqual({});
  });

  it('share one file when linked', async () => {
    const fs = start({ a: 'o'.repeat(512) });
    await fs.link('/db/a', '/db/b');
    fs.syncDirectorySync!('/db');
    write(fs.openSync!('/db/a', { writable: true }), 'n'.repeat(512));
    const source = new Prng(9);
    for (let i = 0; i < 50; i++) {
      const after = fs.crash({ keep: 0.5, random: source });
      const state = contents(after);
      expect(state.a).toBe(state.b);
      write(after.openSync!('/db/b', { writable: true }), 'later');
      expect(contents(after).a.startsWith('later')).toBe(true);
    }
  });

  it('lose an unsynced link and nothing else', async () => {
    const fs = start({ a: 'text' });
    await fs.link('/db/a', '/db/b');
    expect(outcomes(fs)).toEqual(states({ a: 'text' }, { a: 'text', b: 'text' }));
  });

  it('move between directories at once, whichever of them is synced', async () => {
    const fs = start({ a: 'text' });
    await fs.makeDirectory('/db/lost');
    await fs.rename('/db/a', '/db/lost/a');
    expect(outcomes(fs)).toEqual(states({ a: 'text' }, { 'lost/a': 'text' }));
    const other = fs.crash({ keep: 1, random });
    await other.syncDirectory('/db/lost');
    expect(left(other, 0)).toEqual({ 'lost/a': 'text' });
  });

  it('bring with a synced name what it was made of elsewhere', async () => {
    const fs = start();
    await fs.makeDirectory('/db/lost');
    const file = await fs.create('/db/a');
    await file.sync();
    await fs.rename('/db/a', '/db/lost/a');
    await fs.syncDirectory('/db/lost');
    expect(outcomes(fs)).toEqual(states({ 'lost/a': '' }));
  });

  it('include directories at once, and a removed one until its parent is synced', async () => {
    const fs = start();
    await fs.makeDirectory('/db/x/y');
    expect(await fs.crash({ keep: 0, random }).stat('/db/x/y')).toMatchObject({
      isDirectory: true,
    });
    const other = fs.crash({ keep: 1, random });
    await other.removeDirectory('/db/x/y');
    expect(await other.clone().crash({ keep: 0, random }).stat('/db/x/y')).toBeDefined();
    await other.syncDirectory('/db/x');
    expect(await other.crash({ keep: 0, random }).stat('/db/x/y')).toBeUndefined();
  });
});

describe('a crashed file system', () => {
  it('takes no more calls, and its open files reach nothing', async () => {
    const fs = start({ a: 'text' });
    const file = fs.openSync!('/db/a', { writable: true });
    const after = fs.crash({ keep: 1, random });
    const dead = { code: 'EIO' };
    expect(contents(fs.crash({ keep: 0, random }))).toEqual({ a: 'text' });
    expect(() => write(file, 'zombie')).toThrow(expect.objectContaining(dead));
    await expect(file.write(bytesOf('z'), 0, 1, 0)).rejects.toMatchObject(dead);
    await expect(file.read(new Uint8Array(1), 0, 1, 0)).rejects.toMatchObject(dead);
    await expect(file.truncate(0)).rejects.toMatchObject(dead);
    await expect(file.sync()).rejects.toMatchObject(dead);
    await expect(file.close()).rejects.toMatchObject(dead);
    await expect(fs.open('/db/a')).rejects.toMatchObject(dead);
    await expect(fs.create('/db/b')).rejects.toMatchObject(dead);
    await expect(fs.create('/db/a')).rejects.toMatchObject(dead);
    await expect(fs.rename('/db/a', '/db/b')).rejects.toMatchObject(dead);
    await expect(fs.remove('/db/a')).rejects.toMatchObject(dead);
    await expect(fs.list('/db')).rejects.toMatchObject(dead);
    await expect(fs.stat('/db')).rejects.toMatchObject(dead);
    await expect(fs.syncDirectory('/db')).rejects.toMatchObject(dead);
    await expect(fs.makeDirectory('/db/x')).rejects.toMatchObject(dead);
    await expect(fs.lockDirectory('/db')).rejects.toMatchObject(dead);
    expect(contents(after)).toEqual({ a: 'text' });
  });

  it('has let go of its locks', async () => {
    const fs = start();
    const lock = await fs.lockDirectory('/db');
    const after = fs.crash({ keep: 1, random });
    const next = await after.lockDirectory('/db');
    await lock.release();
    await expect(after.lockDirectory('/db')).rejects.toMatchObject({ code: 'LSM_LOCKED' });
    await next.release();
  });

  it('repeats itself with the same seed', () => {
    const fs = start({ a: 'o'.repeat(20_000) });
    write(fs.openSync!('/db/a', { writable: true }), 'n'.repeat(30_000));
    fs.createSync!('/db/b');
    expect(left(fs, 0.5, new Prng(11))).toEqual(left(fs, 0.5, new Prng(11)));
    expect(left(fs, 0.5, new Prng(11))).not.toEqual(left(fs, 0.5, new Prng(12)));
  });
});

describe('copies and edits', () => {
  it('clones go their own ways', () => {
    const fs = start({ a: 'text' });
    const file = fs.openSync!('/db/a', { writable: true });
    const copy = fs.clone();
    write(file, 'TEXT');
    write(copy.openSync!('/db/a', { writable: true }), 'copy');
    copy.createSync!('/db/b');
    expect(contents(fs)).toEqual({ a: 'TEXT' });
    expect(contents(copy)).toEqual({ a: 'copy', b: '' });
    expect(left(copy, 0)).toEqual({ a: 'text' });
    expect(contents(fs)).toEqual({ a: 'TEXT' });
  });

  it('goes from files to bytes and back', async () => {
    const files = new Map([
      ['/db/a', bytesOf('one')],
      ['/other/b', bytesOf('two')],
    ]);
    const fs = MemoryFileSystem.from(files);
    expect(fs.snapshotFiles()).toEqual(files);
    fs.writeBytes('db/a', bytesOf('1'));
    expect(fs.readBytes('/db/../db/./a')).toEqual(bytesOf('1'));
    expect(contents(fs.crash({ keep: 0, random })).a).toBe('1');
  });
});

describe('limits', () => {
  it('fills up, and has room again', async () => {
    const fs = new MemoryFileSystem({ capacityBytes: 8192 });
    const file = await fs.create('a');
    await file.write(new Uint8Array(8192), 0, 8192, 0);
    const full = { code: 'ENOSPC' };
    await expect(file.write(new Uint8Array(1), 0, 1, 8192)).rejects.toMatchObject(full);
    await file.write(new Uint8Array(1), 0, 1, 5);
    await file.truncate(4096);
    await file.write(new Uint8Array(1), 0, 1, 4096);
    await fs.remove('a');
    const other = await fs.create('b');
    await expect(other.write(new Uint8Array(1), 0, 1, 0)).rejects.toMatchObject(full);
    await file.close();
    await other.write(new Uint8Array(8192), 0, 8192, 0);
    const third = await fs.create('c');
    await third.write(new Uint8Array(0), 0, 0, 0);
    await fs.rename('c', 'b');
    await other.close();
    expect(fs.usedBytes).toBe(0);
    fs.capacityBytes = 100;
    await expect(third.write(new Uint8Array(1), 0, 1, 0)).rejects.toMatchObject(full);
    fs.capacityBytes = Infinity;
    await third.write(new Uint8Array(1), 0, 1, 0);
  });

  it('opens only so many files', async () => {
    const fs = new MemoryFileSystem({ maxOpenFiles: 2 });
    const a = await fs.create('a');
    await fs.create('b');
    await expect(fs.create('c')).rejects.toMatchObject({ code: 'EMFILE' });
    await expect(fs.open('a')).rejects.toMatchObject({ code: 'EMFILE' });
    expect(await fs.list('/')).toEqual(['a', 'b']);
    await a.close();
    await a.close();
    expect(fs.openFiles).toBe(1);
    await (await fs.open('a')).close();
  });
});
