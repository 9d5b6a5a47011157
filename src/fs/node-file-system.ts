import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { systemErrorCode } from '../base/errors.js';
import type { DirectoryLock, File, FileStat, FileSystem, LockOptions } from './file-system.js';
import { lockDirectory } from './lock.js';
import { NodeFile } from './node-file.js';
import { systemError } from './system-error.js';

const { O_CREAT, O_RDONLY, O_RDWR } = fs.constants;
/** So that a FIFO planted under a file's name is an error on read and not a hang in open. */
const nonBlocking = process.platform === 'win32' ? 0 : fs.constants.O_NONBLOCK;
/**
 * A directory may come from a stranger: a link planted under a file's name would
 * lead reads and, worse, writes out of it. It fails with ELOOP.
 */
const notThroughLinks = process.platform === 'win32' ? 0 : fs.constants.O_NOFOLLOW;
/** Windows has no way to sync a directory, and NTFS journals names by itself. */
const canSyncDirectories = process.platform !== 'win32';

const createFlags = O_CREAT | O_RDWR | nonBlocking | notThroughLinks;

function openFlags(options: { readonly writable?: boolean } | undefined): number {
  return (options?.writable === true ? O_RDWR : O_RDONLY) | nonBlocking | notThroughLinks;
}

/** Turns one callback call of `node:fs` into a promise. Where there is no error, Deno gives undefined to some. */
function call<T>(run: (callback: (error: Error | null, value: T) => void) => void): Promise<T> {
  return new Promise((settle, reject) => {
    run((error, value) => (error == null ? settle(value) : reject(error)));
  });
}

function callVoid(run: (callback: (error: Error | null) => void) => void): Promise<void> {
  return call<void>((callback) => run((error) => callback(error, undefined)));
}

/** The local disk, on the raw descriptors of `node:fs`. */
class NodeFileSystem implements FileSystem {
  readonly name = 'node';
  readonly hasSync = true;

  async create(path: string): Promise<File> {
    return new NodeFile(path, await call((done) => fs.open(path, createFlags, 0o666, done)));
  }

  async open(path: string, options?: { readonly writable?: boolean }): Promise<File> {
    return new NodeFile(path, await call((done) => fs.open(path, openFlags(options), done)));
  }

  list(directory: string): Promise<string[]> {
    return call((done) => fs.readdir(directory, done));
  }

  async stat(path: string): Promise<FileStat | undefined> {
    try {
      const stats = await call<fs.Stats>((done) => fs.stat(path, done));
      return { isDirectory: stats.isDirectory(), size: stats.size };
    } catch (error) {
      const code = systemErrorCode(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
      throw error;
    }
  }

  async makeDirectory(path: string): Promise<void> {
    const parent = dirname(path);
    // Not mkdir's own recursion: under /proc, Node 20's never comes back.
    if ((await this.#makeOne(path)) === 'no parent') {
      if (parent === path) throw systemError('ENOENT', 'mkdir', path);
      await this.makeDirectory(parent);
      if ((await this.#makeOne(path)) === 'no parent') throw systemError('ENOENT', 'mkdir', path);
    }
  }

  /** A directory made is a new name in its parent, which is made durable. */
  async #makeOne(path: string): Promise<'there' | 'no parent'> {
    try {
      await callVoid((done) => fs.mkdir(path, done));
    } catch (error) {
      const code = systemErrorCode(error);
      if (code === 'ENOENT') return 'no parent';
      if (code === 'EEXIST' && (await this.stat(path))?.isDirectory === true) return 'there';
      throw error;
    }
    await this.syncDirectory(dirname(path));
    return 'there';
  }

  remove(path: string): Promise<void> {
    return callVoid((done) => fs.unlink(path, done));
  }

  removeDirectory(path: string): Promise<void> {
    return callVoid((done) => fs.rmdir(path, done));
  }

  rename(from: string, to: string): Promise<void> {
    return callVoid((done) => fs.rename(from, to, done));
  }

  link(from: string, to: string): Promise<void> {
    return callVoid((done) => fs.link(from, to, done));
  }

  async syncDirectory(path: string): Promise<void> {
    if (!canSyncDirectories) return;
    const fd = await call<number>((done) => fs.open(path, O_RDONLY, done));
    try {
      await callVoid((done) => fs.fsync(fd, done));
    } catch (error) {
      if (!isUnsupportedSync(error)) throw error;
    } finally {
      await callVoid((done) => fs.close(fd, done));
    }
  }

  lockDirectory(directory: string, options?: LockOptions): Promise<DirectoryLock> {
    return lockDirectory(directory, options);
  }

  openSync(path: string, options?: { readonly writable?: boolean }): File {
    return new NodeFile(path, fs.openSync(path, openFlags(options)));
  }

  createSync(path: string): File {
    return new NodeFile(path, fs.openSync(path, createFlags, 0o666));
  }

  renameSync(from: string, to: string): void {
    fs.renameSync(from, to);
  }

  syncDirectorySync(path: string): void {
    if (!canSyncDirectories) return;
    const fd = fs.openSync(path, O_RDONLY);
    try {
      fs.fsyncSync(fd);
    } catch (error) {
      if (!isUnsupportedSync(error)) throw error;
    } finally {
      fs.closeSync(fd);
    }
  }
}

/** Some file systems (network, FUSE) answer that a directory is nothing one can sync; any other failure counts. */
function isUnsupportedSync(error: unknown): boolean {
  const code = systemErrorCode(error);
  return code === 'EINVAL' || code === 'ENOTSUP';
}

/** The local disk, through `node:fs`. */
export const nodeFileSystem: FileSystem = new NodeFileSystem();
