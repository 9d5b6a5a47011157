import type { RandomSource } from '../base/prng.js';
import { chance, integerBelow } from './chance.js';

export const pageBytes = 4096;
/** What a disk writes at once, or not; rarely, half of it. */
const sectorBytes = 512;
const tornChance = 1 / 16;

const zeroPage = new Uint8Array(pageBytes);

/** Written in place only by the state that made it; see `epoch` below. */
interface Page {
  readonly bytes: Uint8Array;
  readonly epoch: object;
}

/** A page that was never written is missing and reads as zeros. */
type Pages = (Page | undefined)[];

/**
 * The content of one file: what programs see, and what the medium holds. Both
 * share their pages until one is written again, so that sync and clone copy no
 * bytes, and a preallocated log costs nothing.
 */
export class MemoryInode {
  readonly id: number;
  /** Names and open handles; with none of either the content takes no space. */
  links = 0;
  handles = 0;
  #pages: Pages = [];
  #size = 0;
  #syncedPages: Pages = [];
  #syncedSize = 0;
  /** What a failed sync has given up; an entry counts while its page is the one that is there. */
  #lostPages = new Map<number, Page | undefined>();
  #lostSize: number | undefined;
  /** Pages of another epoch are shared and must be copied before a write. */
  #epoch: object = {};

  constructor(id: number) {
    this.id = id;
  }

  get size(): number {
    return this.#size;
  }

  get isSynced(): boolean {
    if (this.#size !== this.#syncedSize) return false;
    const count = Math.max(this.#pages.length, this.#syncedPages.length);
    for (let i = 0; i < count; i++) {
      if (this.#pages[i] !== this.#syncedPages[i]) return false;
    }
    return true;
  }

  /** Pages that hold bytes, times their size: what a disk with holes would need. */
  get usedBytes(): number {
    let used = 0;
    for (const page of this.#pages) if (page !== undefined) used += pageBytes;
    return used;
  }

  read(target: Uint8Array, at: number, length: number, position: number): number {
    const end = Math.min(position + length, this.#size);
    if (position >= end) return 0;
    for (let from = position; from < end;) {
      const offset = from % pageBytes;
      const count = Math.min(pageBytes - offset, end - from);
      const page = this.#pages[(from - offset) / pageBytes];
      if (page === undefined) target.fill(0, at, at + count);
      else target.set(page.bytes.subarray(offset, offset + count), at);
      at += count;
      from += count;
    }
    return end - position;
  }

  /** `allocate` is asked before each page that grows the file's use, and may throw. */
  write(
    source: Uint8Array,
    at: number,
    length: number,
    position: number,
    allocate: () => void,
  ): void {
    const end = position + length;
    for (let from = position; from < end;) {
      const offset = from % pageBytes;
      const count = Math.min(pageBytes - offset, end - from);
      const index = (from - offset) / pageBytes;
      if (this.#pages[index] === undefined) allocate();
      this.#writablePage(index).set(source.subarray(at, at + count), offset);
      at += count;
      from += count;
      if (from > this.#size) this.#size = from;
    }
  }

  truncate(size: number): void {
    if (size < this.#size) {
      this.#pages.length = Math.min(this.#pages.length, Math.ceil(size / pageBytes));
      const offset = size % pageBytes;
      const last = (size - offset) / pageBytes;
      if (offset > 0 && this.#pages[last] !== undefined) this.#writablePage(last).fill(0, offset);
    }
    this.#size = size;
  }

  sync(): void {
    const synced = this.#pages.slice();
    for (const [index, page] of this.#lostPages) {
      if (this.#pages[index] === page) synced[index] = this.#syncedPages[index];
    }
    this.#syncedPages = synced;
    if (this.#size !== this.#lostSize) {
      this.#syncedSize = this.#size;
      this.#lostSize = undefined;
    }
    this.#epoch = {};
  }

  /** What is not synced is read as before, and never reaches the medium unless it is written again. */
  loseUnsynced(): void {
    const count = Math.max(this.#pages.length, this.#syncedPages.length);
    for (let i = 0; i < count; i++) {
      if (this.#pages[i] !== this.#syncedPages[i]) this.#lostPages.set(i, this.#pages[i]);
    }
    if (this.#size !== this.#syncedSize) this.#lostSize = this.#size;
    this.#epoch = {};
  }

  bytes(): Uint8Array {
    const bytes = new Uint8Array(this.#size);
    this.read(bytes, 0, bytes.length, 0);
    return bytes;
  }

  /** The same content and the same debts to the medium, without names and handles. */
  clone(): MemoryInode {
    const copy = new MemoryInode(this.id);
    copy.#pages = this.#pages.slice();
    copy.#size = this.#size;
    copy.#syncedPages = this.#syncedPages.slice();
    copy.#syncedSize = this.#syncedSize;
    copy.#lostPages = new Map(this.#lostPages);
    copy.#lostSize = this.#lostSize;
    this.#epoch = {};
    return copy;
  }

  /** What the medium holds after a power loss that spares each unsynced sector with probability `keep`. */
  crash(keep: number, random: RandomSource): MemoryInode {
    const after = new MemoryInode(this.id);
    after.#pages = this.#syncedPages.slice();
    after.#size = this.#syncedSize;
    if (keep > 0 && !this.isSynced) {
      const size = this.#crashedSize(keep, random);
      // Bytes beyond the old size were never on the medium: zeros until a sector brings more.
      after.truncate(Math.min(size, this.#syncedSize));
      after.#size = size;
      const pageCount = Math.ceil(Math.min(size, this.#size) / pageBytes);
      for (let i = 0; i < pageCount; i++) {
        const page = this.#pages[i];
        if (page !== this.#syncedPages[i]) {
          this.#spareSectors(page?.bytes ?? zeroPage, after.#writablePage(i), keep, random);
        }
      }
      // A sector may reach past the size that survived.
      const offset = size % pageBytes;
      const last = (size - offset) / pageBytes;
      if (offset > 0 && after.#pages[last] !== undefined) after.#writablePage(last).fill(0, offset);
    }
    after.sync();
    return after;
  }

  #crashedSize(keep: number, random: RandomSource): number {
    if (this.#size === this.#syncedSize || chance(random, keep)) return this.#size;
    if (this.#size < this.#syncedSize || !chance(random, keep)) return this.#syncedSize;
    return this.#syncedSize + integerBelow(random, this.#size - this.#syncedSize);
  }

  #spareSectors(written: Uint8Array, target: Uint8Array, keep: number, random: RandomSource): void {
    for (let at = 0; at < pageBytes; at += sectorBytes) {
      const sector = written.subarray(at, at + sectorBytes);
      if (chance(random, keep)) target.set(sector, at);
      else if (chance(random, tornChance)) {
        target.set(sector.subarray(0, integerBelow(random, sectorBytes)), at);
      }
    }
  }

  #writablePage(index: number): Uint8Array {
    const page = this.#pages[index];
    if (page !== undefined && page.epoch === this.#epoch) return page.bytes;
    const bytes = new Uint8Array(pageBytes);
    if (page !== undefined) bytes.set(page.bytes);
    while (this.#pages.length < index) this.#pages.push(undefined);
    this.#pages[index] = { bytes, epoch: this.#epoch };
    return bytes;
  }
}
