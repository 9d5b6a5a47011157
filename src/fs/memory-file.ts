import type { File } from './file-system.js';
import type { MemoryDisk } from './memory-disk.js';
import type { MemoryInode } from './memory-inode.js';
import { systemError } from './system-error.js';

/** An open file of a `MemoryFileSystem`. The asynchronous calls act at once too, and settle in a microtask. */
export class MemoryFile implements File {
  readonly path: string;
  readonly #disk: MemoryDisk;
  readonly #inode: MemoryInode;
  readonly #isWritable: boolean;
  #isOpen = true;
  readonly #allocate: () => void;

  constructor(disk: MemoryDisk, inode: MemoryInode, path: string, isWritable: boolean) {
    disk.openHandle(inode, path);
    this.path = path;
    this.#disk = disk;
    this.#inode = inode;
    this.#isWritable = isWritable;
    this.#allocate = () => disk.allocatePage(path);
  }

  async read(target: Uint8Array, at: number, length: number, position: number): Promise<number> {
    return this.readSync(target, at, length, position);
  }

  async write(source: Uint8Array, at: number, length: number, position: number): Promise<void> {
    this.writeSync(source, at, length, position);
  }

  async truncate(size: number): Promise<void> {
    this.truncateSync(size);
  }

  async sync(): Promise<void> {
    this.syncSync();
  }

  async size(): Promise<number> {
    return this.sizeSync();
  }

  async close(): Promise<void> {
    this.closeSync();
  }

  readSync(target: Uint8Array, at: number, length: number, position: number): number {
    this.#check('read');
    if (at < 0 || length < 0 || at + length > target.length) {
      throw new RangeError(`read of ${length} bytes does not fit at ${at} of ${target.length}`);
    }
    return this.#inode.read(target, at, length, position);
  }

  writeSync(source: Uint8Array, at: number, length: number, position: number): void {
    this.#check('write');
    if (!this.#isWritable) throw systemError('EBADF', 'write', this.path);
    if (at < 0 || length < 0 || at + length > source.length) {
      throw new RangeError(`write of ${length} bytes does not fit at ${at} of ${source.length}`);
    }
    this.#inode.write(source, at, length, position, this.#allocate);
  }

  truncateSync(size: number): void {
    this.#check('ftruncate');
    if (!this.#isWritable) throw systemError('EINVAL', 'ftruncate', this.path);
    const before = this.#inode.usedBytes;
    this.#inode.truncate(size);
    this.#disk.usedBytes += this.#inode.usedBytes - before;
  }

  syncSync(): void {
    this.#check('fdatasync');
    this.#inode.sync();
  }

  sizeSync(): number {
    this.#check('fstat');
    return this.#inode.size;
  }

  closeSync(): void {
    if (!this.#isOpen) return;
    this.#disk.checkPower('close', this.path);
    this.#isOpen = false;
    this.#disk.closeHandle(this.#inode);
  }

  #check(call: string): void {
    this.#disk.checkPower(call, this.path);
    if (!this.#isOpen) throw systemError('EBADF', call, this.path);
  }
}

/** The same file without the synchronous calls. */
export function withoutSync(file: File): File {
  return {
    path: file.path,
    read: (target, at, length, position) => file.read(target, at, length, position),
    write: (source, at, length, position) => file.write(source, at, length, position),
    truncate: (size) => file.truncate(size),
    sync: () => file.sync(),
    size: () => file.size(),
    close: () => file.close(),
  };
}
