import type { RandomSource } from '../base/prng.js';
import type { DirectoryLock, File, FileStat, FileSystem, LockOptions } from './file-system.js';
import { MemoryDisk } from './memory-disk.js';
import { MemoryFile, withoutSync } from './memory-file.js';
import { MemoryInode } from './memory-inode.js';
import { MemoryLocks } from './memory-lock.js';
import { MemoryDirectory, MemoryTree, type MemoryNode } from './memory-tree.js';
import { systemError } from './system-error.js';

/** What a `MemoryFileSystem` is made with. */
export interface MemoryFileSystemOptions {
  /** False leaves out the synchronous calls. Default true. */
  readonly sync?: boolean;
  /** Writes beyond it fail with ENOSPC; counted in pages of 4 KiB, holes are free. Default unlimited. */
  readonly capacityBytes?: number;
  /** Opening more fails with EMFILE. Default unlimited. */
  readonly maxOpenFiles?: number;
}

/** What survives a crash. */
export interface CrashOptions {
  /**
   * The share of what was not synced that survives. 0 leaves only what was
   * synced; 1 is the death of the process: everything handed to the operating
   * system is there, and what was not synced still is not.
   */
  readonly keep: number;
  /** Decides what survives, when `keep` is between 0 and 1. */
  readonly random: RandomSource;
}

/**
 * A file system in memory that can lose power. It knows which bytes, sizes and
 * names were synced; `crash` gives a new file system with what the medium would
 * hold. Data are lost in sectors of 512 bytes, any of them, now and then in the
 * middle of one; names in whole operations. `makeDirectory` is durable at once.
 *
 * There is one root and no working directory: `db` and `/db` are the same.
 */
export class MemoryFileSystem implements FileSystem {
  readonly name = 'memory';
  /** Whether it has the `…Sync` methods. */
  readonly hasSync: boolean;
  /** As `FileSystem.openSync`. */
  readonly openSync?: FileSystem['openSync'];
  /** As `FileSystem.createSync`. */
  readonly createSync?: FileSystem['createSync'];
  /** As `FileSystem.renameSync`. */
  readonly renameSync?: FileSystem['renameSync'];
  /** As `FileSystem.syncDirectorySync`. */
  readonly syncDirectorySync?: FileSystem['syncDirectorySync'];
  readonly #tree: MemoryTree;
  readonly #disk: MemoryDisk;
  readonly #locks = new MemoryLocks();

  /** `tree` is for this class alone: the content of a crashed or cloned one. */
  constructor(options: MemoryFileSystemOptions = {}, tree = new MemoryTree()) {
    this.#tree = tree;
    this.#disk = new MemoryDisk(
      options.capacityBytes ?? Infinity,
      options.maxOpenFiles ?? Infinity,
    );
    const counted = new Set<MemoryInode>();
    tree.forEachFile((_, inode) => {
      if (!counted.has(inode)) this.#disk.usedBytes += inode.usedBytes;
      counted.add(inode);
    });
    this.hasSync = options.sync ?? true;
    if (this.hasSync) {
      this.openSync = (path, openOptions) => this.#open(path, openOptions?.writable ?? false);
      this.createSync = (path) => this.#create(path);
      this.renameSync = (from, to) => this.#rename(from, to);
      this.syncDirectorySync = (path) => this.#syncDirectory(path);
    }
  }

  /** A file system that holds these files, all synced, by their paths. */
  static from(
    files: Iterable<readonly [string, Uint8Array]>,
    options: MemoryFileSystemOptions = {},
  ): MemoryFileSystem {
    const made = new MemoryFileSystem(options);
    for (const [path, bytes] of files) made.writeBytes(path, bytes);
    return made;
  }

  /** May be changed at any time: a disk that fills up, and has room again. */
  get capacityBytes(): number {
    return this.#disk.capacityBytes;
  }
  /** Writes that need more fail with ENOSPC from now on. */
  set capacityBytes(bytes: number) {
    this.#disk.capacityBytes = bytes;
  }

  /** May be changed at any time: a process that runs out of descriptors. */
  get maxOpenFiles(): number {
    return this.#disk.maxOpenFiles;
  }
  /** Opening more fails with EMFILE from now on. */
  set maxOpenFiles(count: number) {
    this.#disk.maxOpenFiles = count;
  }

  /** Handles that were opened and not closed. */
  get openFiles(): number {
    return this.#disk.openFiles;
  }

  /** What `capacityBytes` bounds: bytes of all files, in pages of 4 KiB. */
  get usedBytes(): number {
    return this.#disk.usedBytes;
  }

  /**
   * Stops this file system for good (every later call, also on its open files,
   * fails with EIO) and returns what survives. May be called again, to see what
   * else could have survived.
   */
  crash(options: CrashOptions): MemoryFileSystem {
    this.#disk.isCrashed = true;
    const { keep, random } = options;
    return new MemoryFileSystem(
      this.#options(),
      keep >= 1 ? this.#tree.clone() : this.#tree.crash(keep, random),
    );
  }

  /** A copy that goes its own way, without the open files and locks. */
  clone(): MemoryFileSystem {
    return new MemoryFileSystem(this.#options(), this.#tree.clone());
  }

  /**
   * Does to a file what a failed fsync does on Linux: what was not synced is read as
   * before, but counts as clean, so that a later sync succeeds and brings none of it
   * to the medium. Only what is written again reaches it.
   */
  loseUnsynced(path: string): void {
    this.#file(path, 'fsync').loseUnsynced();
  }

  /** Copies of all files by absolute path. */
  snapshotFiles(): Map<string, Uint8Array> {
    const files = new Map<string, Uint8Array>();
    this.#tree.forEachFile((path, inode) => files.set(path, inode.bytes()));
    return files;
  }

  /** A copy of one file's content. */
  readBytes(path: string): Uint8Array {
    return this.#file(path, 'open').bytes();
  }

  /** Gives a file this content, durably, making it and its directories when they are missing. */
  writeBytes(path: string, bytes: Uint8Array): void {
    this.#makeDirectory(parts(path).slice(0, -1).join('/'));
    const file = this.#create(path, true);
    file.truncateSync(0);
    file.writeSync(bytes, 0, bytes.length, 0);
    file.syncSync();
    file.closeSync();
    this.#tree.syncDirectory(this.#parent(path, 'open').directory);
  }

  async create(path: string): Promise<File> {
    return this.#create(path);
  }

  async open(path: string, options?: { readonly writable?: boolean }): Promise<File> {
    return this.#open(path, options?.writable ?? false);
  }

  async list(directory: string): Promise<string[]> {
    return [...this.#directory(directory, 'scandir').entries.keys()];
  }

  async stat(path: string): Promise<FileStat | undefined> {
    this.#disk.checkPower('stat', path);
    const node = this.#find(path);
    if (node === undefined) return undefined;
    if (node instanceof MemoryDirectory) return { isDirectory: true, size: 0 };
    return { isDirectory: false, size: node.size };
  }

  async makeDirectory(path: string): Promise<void> {
    this.#makeDirectory(path);
  }

  async remove(path: string): Promise<void> {
    const inode = this.#file(path, 'unlink');
    this.#tree.change([{ ...this.#parent(path, 'unlink'), node: undefined }]);
    this.#disk.freeUnused(inode);
  }

  async removeDirectory(path: string): Promise<void> {
    const directory = this.#directory(path, 'rmdir');
    if (directory.entries.size > 0) throw systemError('ENOTEMPTY', 'rmdir', path);
    this.#tree.change([{ ...this.#parent(path, 'rmdir'), node: undefined }]);
  }

  async rename(from: string, to: string): Promise<void> {
    this.#rename(from, to);
  }

  async link(from: string, to: string): Promise<void> {
    const inode = this.#file(from, 'link');
    const target = this.#parent(to, 'link');
    if (target.directory.entries.has(target.name)) throw systemError('EEXIST', 'link', to);
    this.#tree.change([{ ...target, node: inode }]);
  }

  async syncDirectory(path: string): Promise<void> {
    this.#syncDirectory(path);
  }

  /** The lock lives in this object only: no files are made, and a crash frees it. */
  async lockDirectory(path: string, options?: LockOptions): Promise<DirectoryLock> {
    return this.#locks.acquire(this.#directory(path, 'lock').id, path, options);
  }

  #options(): MemoryFileSystemOptions {
    const { capacityBytes, maxOpenFiles } = this.#disk;
    return { sync: this.hasSync, capacityBytes, maxOpenFiles };
  }

  #create(path: string): File;
  #create(path: string, withSync: true): MemoryFile;
  #create(path: string, withSync = this.hasSync): File {
    this.#disk.checkPower('open', path);
    const { directory, name } = this.#parent(path, 'open');
    let node = directory.entries.get(name);
    if (node instanceof MemoryDirectory) throw systemError('EISDIR', 'open', path);
    const isNew = node === undefined;
    node ??= this.#tree.newFile();
    const file = new MemoryFile(this.#disk, node, path, true);
    if (isNew) this.#tree.change([{ directory, name, node }]);
    return withSync ? file : withoutSync(file);
  }

  #open(path: string, isWritable: boolean): File {
    const file = new MemoryFile(this.#disk, this.#file(path, 'open'), path, isWritable);
    return this.hasSync ? file : withoutSync(file);
  }

  #makeDirectory(path: string): void {
    this.#disk.checkPower('mkdir', path);
    let directory = this.#tree.root;
    for (const name of parts(path)) {
      let node = directory.entries.get(name);
      if (node === undefined) {
        node = this.#tree.newDirectory();
        this.#tree.change([{ directory, name, node }]);
        this.#tree.syncDirectory(directory);
      }
      if (node instanceof MemoryInode) throw systemError('EEXIST', 'mkdir', path);
      directory = node;
    }
  }

  #rename(from: string, to: string): void {
    const inode = this.#file(from, 'rename');
    const source = this.#parent(from, 'rename');
    const target = this.#parent(to, 'rename');
    const replaced = target.directory.entries.get(target.name);
    if (replaced instanceof MemoryDirectory) throw systemError('EISDIR', 'rename', to);
    // As POSIX has it: two names of one file both stay.
    if (replaced === inode) return;
    this.#tree.change([
      { ...target, node: inode },
      { ...source, node: undefined },
    ]);
    if (replaced !== undefined) this.#disk.freeUnused(replaced);
  }

  #syncDirectory(path: string): void {
    this.#tree.syncDirectory(this.#directory(path, 'fsync'));
  }

  /** What is at `path`; undefined also where a directory on the way is missing. */
  #find(path: string): MemoryNode | undefined {
    let node: MemoryNode | undefined = this.#tree.root;
    for (const name of parts(path)) {
      node = node instanceof MemoryDirectory ? node.entries.get(name) : undefined;
    }
    return node;
  }

  #file(path: string, call: string): MemoryInode {
    this.#disk.checkPower(call, path);
    const node = this.#find(path);
    if (node === undefined) throw systemError('ENOENT', call, path);
    if (node instanceof MemoryDirectory) throw systemError('EISDIR', call, path);
    return node;
  }

  #directory(path: string, call: string): MemoryDirectory {
    this.#disk.checkPower(call, path);
    const node = this.#find(path);
    if (node === undefined) throw systemError('ENOENT', call, path);
    if (node instanceof MemoryInode) throw systemError('ENOTDIR', call, path);
    return node;
  }

  #parent(path: string, call: string): { directory: MemoryDirectory; name: string } {
    const names = parts(path);
    const name = names.pop();
    if (name === undefined) throw systemError('EPERM', call, path);
    const directory = this.#find(names.join('/'));
    if (directory === undefined) throw systemError('ENOENT', call, path);
    if (directory instanceof MemoryInode) throw systemError('ENOTDIR', call, path);
    return { directory, name };
  }
}

function parts(path: string): string[] {
  const names: string[] = [];
  for (const name of path.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return names;
}
