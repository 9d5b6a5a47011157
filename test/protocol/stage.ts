import { expect } from 'vitest';
import { isLsmError } from '../../src/base/errors.js';
import { Prng } from '../../src/base/prng.js';
import { MemoryFileSystem, RecordingFileSystem, type FileSystem } from '../../src/fs.js';
import { open, type Database, type OpenOptions } from '../../src/index.js';

export type TextDatabase = Database<string, string>;

export const directory = '/db';

/** Nothing happens by itself: no sync after a while, no compaction. */
const quiet: OpenOptions = {
  syncIntervalMs: 0,
  memtableBytes: 64 * 1024,
  compression: 'none',
  l0CompactionTrigger: 50,
  l0SlowdownTables: 60,
  l0StopTables: 70,
};

export function openText(fs: FileSystem, options: OpenOptions = {}): Promise<TextDatabase> {
  return open(directory, {
    ...quiet,
    ...options,
    fs,
    keyEncoding: 'utf8',
    valueEncoding: 'utf8',
  });
}

/** A disk in memory, and its calls as lines. */
export interface Stage {
  readonly memory: MemoryFileSystem;
  readonly calls: RecordingFileSystem;
}

export function makeStage(memory: MemoryFileSystem = new MemoryFileSystem()): Stage {
  return { memory, calls: new RecordingFileSystem(memory, { root: directory }) };
}

/** What is in a database: its entries, or the code with which it does not open or read. */
export type Content = Readonly<Record<string, string>> | string;

export async function contentOf(fs: FileSystem, options: OpenOptions = {}): Promise<Content> {
  let db: TextDatabase | undefined;
  try {
    db = await openText(fs, options);
    return Object.fromEntries(db.entriesSync());
  } catch (error) {
    if (!isLsmError(error)) throw error;
    return error.code;
  } finally {
    await db?.close();
  }
}

/** What is found when the power fails now: by default nothing survives that was not synced. */
export function contentAfterPowerLoss(memory: MemoryFileSystem, keep = 0): Promise<Content> {
  return contentOf(memory.clone().crash({ keep, random: new Prng(1) }));
}

/** Lets work that nobody awaits come to its end: nothing is running or due. */
export async function settle(db: TextDatabase): Promise<void> {
  for (let idleTurns = 0; idleTurns < 3;) {
    const { background, tables } = db.stats();
    const isIdle = background.running.length === 0 && tables.obsolete === 0;
    idleTurns = isIdle ? idleTurns + 1 : 0;
    await new Promise((resolve) => void setImmediate(resolve));
  }
}

/** Each step is met behind the one before it. */
export function expectInOrder(lines: readonly string[], ...steps: readonly RegExp[]): void {
  let at = -1;
  for (const step of steps) {
    const next = lines.findIndex((line, index) => index > at && step.test(line));
    expect(next, `${step} behind line ${at} of\n${lines.join('\n')}\n`).toBeGreaterThan(at);
    at = next;
  }
}

/** The lines behind the first that matches `from`, up to the first after it that matches `to`. */
export function between(lines: readonly string[], from: RegExp, to: RegExp): string[] {
  const start = lines.findIndex((line) => from.test(line));
  const end = lines.findIndex((line, index) => index > start && to.test(line));
  expect(start, `${from} in\n${lines.join('\n')}\n`).toBeGreaterThanOrEqual(0);
  expect(end, `${to} behind ${from} in\n${lines.join('\n')}\n`).toBeGreaterThan(start);
  return lines.slice(start + 1, end);
}

export function countOf(lines: readonly string[], pattern: RegExp): number {
  return lines.filter((line) => pattern.test(line)).length;
}

/** Paths of the files whose names match, in order. */
export function pathsOf(fs: MemoryFileSystem, pattern: RegExp): string[] {
  return [...fs.snapshotFiles().keys()].filter((path) => pattern.test(path)).sort();
}
