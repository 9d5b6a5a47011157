import { expect } from 'vitest';
import { MemoryFileSystem, RecordingFileSystem } from '../../src/fs.js';
import { open, type Database, type DatabaseStats, type OpenOptions } from '../../src/index.js';

/*
 * Work is counted here, never timed: the same seed gives the same count on every
 * machine. A bound is some way above what it is today and below what a mistake makes of it.
 */

export interface Bound {
  /** Below this the count does not count. */
  readonly least?: number;
  readonly most: number;
}

/** Holds a figure against its bound, and prints both. */
export function expectWork(what: string, value: number, { least = 0, most }: Bound): void {
  console.log(`work, ${what}: ${Number(value.toPrecision(4))} (${least} to ${most})`);
  expect(value, what).toBeGreaterThanOrEqual(least);
  expect(value, what).toBeLessThanOrEqual(most);
}

export const directory = '/db';
const keyBytes = 16;
const valueBytes = 100;
export const entryBytes = keyBytes + valueBytes;

export function keyAt(index: number): string {
  return `key:${String(index).padStart(keyBytes - 4, '0')}`;
}

export const value = 'v'.repeat(valueBytes);

/** The shape of a large database in some megabytes: memtables, tables and levels are 1/256 of the default. */
export const small = {
  memtableBytes: 128 * 1024,
  tableBytes: 64 * 1024,
  blockSizeBytes: 1024,
  compression: 'none',
  blockCacheBytes: 0,
  syncIntervalMs: 0,
} as const satisfies OpenOptions;

/** A database on a disk that writes its calls down. */
export interface Watched {
  readonly db: Database<string, string>;
  readonly disk: MemoryFileSystem;
  /** Calls since the last time this was asked, of those that match. */
  takeCalls(pattern: RegExp): string[];
}

export async function openWatched(
  options: OpenOptions = small,
  disk = new MemoryFileSystem(),
): Promise<Watched> {
  const fs = new RecordingFileSystem(disk, { root: directory });
  const encodings = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const;
  const db = await open(directory, { ...options, ...encodings, fs });
  let from = fs.lines.length;
  const takeCalls = (pattern: RegExp): string[] => {
    const { lines } = fs;
    const calls = lines.slice(from).filter((line) => pattern.test(line));
    from = lines.length;
    return calls;
  };
  return { db, disk, takeCalls };
}

/** Until nothing runs in the background and no level is above its target. */
export async function settled(db: Database<string, string>): Promise<DatabaseStats> {
  for (;;) {
    await new Promise((resolve) => void setImmediate(resolve));
    const stats = db.stats();
    if (stats.background.running.length > 0 || stats.memtables.immutable > 0) continue;
    await new Promise((resolve) => void setImmediate(resolve));
    if (db.stats().background.running.length === 0) return db.stats();
  }
}

/** Bytes that the calls `write FILE from..to` or `read FILE from..to` moved. */
export function bytesOf(calls: readonly string[]): number {
  let bytes = 0;
  for (const call of calls) {
    const [, from, to] = /(\d+)\.\.(\d+)$/.exec(call)!;
    bytes += Number(to) - Number(from);
  }
  return bytes;
}
