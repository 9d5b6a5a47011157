import { crc32 } from 'node:zlib';
import {
  compareInternal,
  kindDelete,
  kindPut,
  type EntryKind,
} from '../../src/base/internal-key.js';
import { KeyHash } from '../../src/base/hash.js';
import { Entry } from '../../src/base/entry.js';
import type { Prng } from '../../src/base/prng.js';
import type { Compression, TableMeta, TableSettings } from '../../src/base/table-meta.js';
import { runSync } from '../../src/base/task.js';
import { CursorEntry, type Cursor } from '../../src/iterator/cursor.js';
import type { FileSystem } from '../../src/fs/file-system.js';
import {
  BlockRequest,
  lookupFound,
  lookupNeedsBlock,
  type TableReader,
} from '../../src/sstable/table-reader.js';
import type { TableLayout } from '../../src/sstable/table-layout.js';
import { TableWriter, type TableWriterOptions } from '../../src/sstable/table-writer.js';

/** Shared by the tests of this folder: tables written from arrays, and the arrays to compare them with. */

export const testTableId = { low: 0x1234_5678, high: 0x9abc_def0 };
export const testDatabaseId = { low: 7, high: 9 };

export const defaultSettings: TableSettings = {
  compression: 'none',
  blockSizeBytes: 4096,
  bloomBitsPerKey: 10,
  cachePriority: 'normal',
};

/** Index and filter in many parts, for tables of a few entries. */
export const smallParts: TableLayout = {
  indexSplitBytes: 0,
  indexPartBytes: 200,
  filterSplitBytes: 0,
  filterPartBytes: 8,
};

export const allCompressions: readonly Compression[] = ['none', 'lz4', 'zstd'];

/** The seed of a random test: `NORI_SEED`, or a new one; put it into every failure message. */
export function testSeed(): number {
  const given = process.env['NORI_SEED'];
  return given === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(given);
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Six digits, so that keys are in the order of their numbers. */
export function keyOf(i: number): Uint8Array {
  return bytesOf(`key${String(i).padStart(6, '0')}`);
}

export function someEntries(count: number): Entry[] {
  return Array.from({ length: count }, (_, i) => Entry.put(keyOf(i), `value ${i}`, i + 1));
}

export function compareEntries(a: Entry, b: Entry): number {
  return compareInternal(a.key, 0, a.key.length, a.seq, b.key, 0, b.key.length, b.seq);
}

/** Keys that tend to share prefixes, to be prefixes of each other, and to end in 0x00 and 0xff. */
export function randomKey(prng: Prng): Uint8Array {
  const alphabet = [0, 1, 0x61, 0x62, 0xfe, 0xff];
  const shared = ['', 'user:', 'user:000000', '\u0000\u0000\u0000\u0000\u0000'][prng.below(4)];
  const length = prng.chance(0.02) ? prng.below(700) : prng.below(9);
  const tail = Array.from({ length }, () => alphabet[prng.below(alphabet.length)]);
  return Uint8Array.from([...bytesOf(shared), ...tail]);
}

/** Sorted entries with several versions of most keys, tombstones, and values of many lengths. */
export function randomEntries(prng: Prng, count: number): Entry[] {
  const entries = new Map<string, Entry>();
  const base = prng.chance(0.2) ? 2 ** 40 : prng.chance(0.1) ? 2 ** 53 - 2 ** 20 : 0;
  const spread = prng.chance(0.1) ? 2 ** 36 : 1000;
  const pool = Array.from({ length: Math.max(1, Math.ceil(count / 3)) }, () => randomKey(prng));
  for (let i = 0; i < count; i++) {
    const key = pool[prng.below(pool.length)];
    const seq = Math.min(base + Math.floor((prng.u32() / 2 ** 32) * spread), 2 ** 53 - 1);
    const kind: EntryKind = prng.chance(0.2) ? kindDelete : kindPut;
    const length = prng.chance(0.01) ? 70_000 : prng.below(40);
    const value = kind === kindDelete ? new Uint8Array(0) : new Uint8Array(length).fill(i & 255);
    entries.set(`${Buffer.from(key).toString('hex')}/${seq}`, { key, seq, kind, value });
  }
  return [...entries.values()].sort(compareEntries);
}

export function writeTable(
  fs: FileSystem,
  path: string,
  entries: Iterable<Entry>,
  settings: Partial<TableSettings> = {},
  options: {
    readonly [Name in keyof TableWriterOptions]?: TableWriterOptions[Name] | undefined;
  } = {},
): TableMeta {
  const writer = runSync(
    TableWriter.create({
      fs,
      path,
      settings: { ...defaultSettings, ...settings },
      databaseId: testDatabaseId,
      tableId: testTableId,
      keyspaceId: 0,
      keyspaceName: '',
      level: 0,
      flushedSeq: 0,
      ...options,
    }),
  );
  for (const { key, seq, kind, value } of entries) {
    writer.add(key, 0, key.length, seq, kind, value, 0, value.length);
    if (writer.needsDrain) writer.drain().waitSync();
  }
  return runSync(writer.finish());
}

/** The newest version at or below `seq`. */
export function modelGet(
  entries: readonly Entry[],
  key: Uint8Array,
  seq: number,
): Entry | undefined {
  return entries.find((entry) => entry.seq <= seq && Buffer.compare(entry.key, key) === 0);
}

export function copyEntry(entry: CursorEntry): Entry {
  return {
    key: entry.keyBytes.slice(entry.keyStart, entry.keyEnd),
    seq: entry.seq,
    kind: entry.kind,
    value: entry.valueBytes.slice(entry.valueStart, entry.valueEnd),
  };
}

/** An entry as a short line: comparing values of 70 KB byte by byte in a matcher takes seconds. */
export function show(entry: Entry | undefined): string {
  if (entry === undefined) return 'nothing';
  const { key, seq, kind, value } = entry;
  return `${Buffer.from(key).toString('hex')} ${seq} ${kind} ${value.length}:${crc32(value)}`;
}

/** `expect(a).toBe(b)` for inner loops: a matcher costs 20 µs and more. */
export function same(actual: string, expected: string, note: () => string): void {
  if (actual !== expected) throw new Error(`${note()}: got ${actual}, expected ${expected}`);
}

const hash = new KeyHash();

/** A synchronous lookup, restarted as often as it asks. */
export function getSync(table: TableReader, key: Uint8Array, seq: number): Entry | undefined {
  const request = new BlockRequest();
  const into = new CursorEntry();
  hash.compute(key, 0, key.length);
  for (;;) {
    const status = table.get(key, hash, seq, into, request);
    if (status === lookupNeedsBlock) request.waitSync();
    else return status === lookupFound ? copyEntry(into) : undefined;
  }
}

/** Repeats a positioning call until it is complete. */
export function settle(cursor: Cursor, call: () => boolean): void {
  while (!call()) cursor.waitSync();
}

export function current(cursor: Cursor): Entry | undefined {
  return cursor.valid ? copyEntry(cursor.entry) : undefined;
}

/** All entries, by `first` and `next`. */
export function scanSync(table: TableReader): Entry[] {
  const cursor = table.cursor();
  const found: Entry[] = [];
  settle(cursor, () => cursor.first());
  while (cursor.valid) {
    found.push(copyEntry(cursor.entry));
    settle(cursor, () => cursor.next());
  }
  cursor.close();
  return found;
}
