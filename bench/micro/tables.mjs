// What the benchmarks of the table layer share: tables on disk, and how to read them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load, makeValue, Random } from './harness.mjs';

const { nodeFileSystem: fs } = await load('fs/node-file-system.js');
const { runAsync, runSync } = await load('base/task.js');
const { loadCodecs } = await load('sstable/codecs.js');
const { TableReader, BlockRequest } = await load('sstable/table-reader.js');
const { TableWriter } = await load('sstable/table-writer.js');
const { KeyHash } = await load('base/hash.js');
const { CursorEntry } = await load('iterator/cursor.js');
const { maxSeq } = await load('base/internal-key.js');
await loadCodecs();

const values = Array.from(
  { length: 1024 },
  (
    (random) => () =>
      makeValue(random)
  )(new Random()),
);

/** A directory of its own, gone when `use` is done. */
export async function withDirectory(use) {
  const directory = mkdtempSync(join(tmpdir(), 'nori-micro-'));
  try {
    return await use(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Writes entries of 16 + 100 bytes, `keys` laid out in ascending order; from `first` on each `step`th. */
export async function writeTable(
  path,
  keys,
  { first = 0, step = 1, fileNumber = 0, ...settings } = {},
) {
  const { layout, compression = 'lz4', blockSizeBytes = 4096 } = settings;
  const writer = runSync(
    TableWriter.create({
      fs,
      path,
      settings: { compression, blockSizeBytes, bloomBitsPerKey: 10, cachePriority: 'normal' },
      databaseId: { low: 0, high: 0 },
      tableId: { low: 1, high: 2 + fileNumber },
      keyspaceId: 0,
      keyspaceName: '',
      level: 0,
      flushedSeq: 0,
      fileNumber,
      layout,
    }),
  );
  const count = keys.length / 16;
  for (let i = first; i < count; i += step) {
    writer.add(keys, 16 * i, 16 * i + 16, i, 0, values[i & 1023], 0, 100);
    if (writer.needsDrain) await writer.drain().wait();
  }
  return await runAsync(writer.finish());
}

export function openTable(path, blockCache) {
  return runSync(TableReader.open({ fs, path, blockCache }));
}

export function closeTable(table) {
  runSync(table.close());
}

const hash = new KeyHash();
const entry = new CursorEntry();
const request = new BlockRequest();

/** Keys as the engine has them, one array each, made in the order of use. */
export function keysOf(bytes, count = bytes.length / 16) {
  return Array.from({ length: count }, (_, i) => bytes.slice(16 * i, 16 * i + 16));
}

/** Looks keys up one after the other; how many are there. */
export function lookUp(table, keys) {
  let found = 0;
  for (const key of keys) {
    hash.compute(key, 0, key.length);
    let status = table.get(key, hash, maxSeq, entry, request);
    while (status === 2) {
      request.waitSync();
      status = table.get(key, hash, maxSeq, entry, request);
    }
    found += status;
  }
  return found;
}

/** Walks a cursor from one end to the other; the bytes of what it showed. */
export function walk(cursor, isForward) {
  let bytes = 0;
  while (!(isForward ? cursor.first() : cursor.last())) cursor.waitSync();
  while (cursor.valid) {
    bytes += cursor.entry.keyEnd + cursor.entry.valueEnd - cursor.entry.valueStart;
    while (!(isForward ? cursor.next() : cursor.prev())) cursor.waitSync();
  }
  return bytes;
}

/** Seeks to each key, and takes `steps` steps from there. */
export function seekEach(cursor, keys, steps) {
  let bytes = 0;
  for (const key of keys) {
    while (!cursor.seek(key, maxSeq)) cursor.waitSync();
    for (let i = 0; cursor.valid;) {
      bytes += cursor.entry.valueEnd - cursor.entry.valueStart;
      if (i++ === steps) break;
      while (!cursor.next()) cursor.waitSync();
    }
  }
  return bytes;
}

export { fs, maxSeq, runSync };
