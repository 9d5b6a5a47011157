import { pageBytes, type MemoryInode } from './memory-inode.js';
import { systemError } from './system-error.js';

/** Space, descriptors and the power switch: what the open files of one memory file system share. */
export class MemoryDisk {
  capacityBytes: number;
  maxOpenFiles: number;
  usedBytes = 0;
  openFiles = 0;
  isCrashed = false;

  constructor(capacityBytes: number, maxOpenFiles: number) {
    this.capacityBytes = capacityBytes;
    this.maxOpenFiles = maxOpenFiles;
  }

  /** A writer that outlived its crash must not reach anything. */
  checkPower(call: string, path: string): void {
    if (this.isCrashed) throw systemError('EIO', call, path);
  }

  allocatePage(path: string): void {
    if (this.usedBytes + pageBytes > this.capacityBytes) throw systemError('ENOSPC', 'write', path);
    this.usedBytes += pageBytes;
  }

  openHandle(inode: MemoryInode, path: string): void {
    if (this.openFiles >= this.maxOpenFiles) throw systemError('EMFILE', 'open', path);
    this.openFiles++;
    inode.handles++;
  }

  closeHandle(inode: MemoryInode): void {
    this.openFiles--;
    inode.handles--;
    this.freeUnused(inode);
  }

  /** To be called after a file lost a name or a handle. */
  freeUnused(inode: MemoryInode): void {
    if (inode.links === 0 && inode.handles === 0) this.usedBytes -= inode.usedBytes;
  }
}
