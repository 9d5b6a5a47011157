import { codecIds, type TableProperties } from '../../src/sstable.js';
import type { MemoryFileSystem } from '../../src/fs.js';
import { joinPath, tableName } from '../../src/base/file-names.js';
import { systemRandom } from '../../src/base/prng.js';
import { runAsync, runSync } from '../../src/base/task.js';
import { VersionSet } from '../../src/manifest/version-set.js';
import { openFile } from '../../src/sstable/file-steps.js';
import { blockTrailerBytes } from '../../src/sstable/format.js';
import { loadDirectory } from '../../src/sstable/table-directory.js';
import { directory } from './engine.js';

/** What one table file shows of how it was written. */
export interface TableFacts {
  readonly path: string;
  readonly level: number;
  readonly fileBytes: number;
  readonly entries: number;
  readonly properties: TableProperties;
  /** The codec asked for. */
  readonly codec: string;
  /** What each data block says of itself, in order. */
  readonly blocks: readonly { readonly codec: string; readonly rawBytes: number }[];
  /** 0 without a filter. */
  readonly filterBits: number;
}

const codecNames = new Map<number, string>(
  Object.entries(codecIds).map(([name, id]) => [id, name]),
);

/** Header of a filter block; docs/format/table.md. */
const filterHeaderBytes = 20;

/** Reads a table's own account of itself, and its data blocks' trailers. */
export function factsOf(fs: MemoryFileSystem, path: string, level: number): TableFacts {
  const bytes = fs.readBytes(path);
  const file = runSync(openFile(fs, path));
  const { index, filter, properties } = runSync(loadDirectory(file, undefined));
  file.closeSync!();
  if (index === undefined) throw new Error(`${path} has its index in parts`);
  const blocks: { codec: string; rawBytes: number }[] = [];
  for (let number = 0; number < index.count; number++) {
    const trailer = index.offsetAt(number) + index.sizeAt(number) - blockTrailerBytes;
    blocks.push({ codec: codecNames.get(bytes[trailer])!, rawBytes: index.rawLengthAt(number) });
  }
  return {
    path,
    level,
    fileBytes: bytes.length,
    entries: properties.entries,
    properties,
    codec: codecNames.get(properties.codecId)!,
    blocks,
    filterBits:
      filter === undefined ? 0 : 8 * (filter.size - filterHeaderBytes - blockTrailerBytes),
  };
}

/** All tables of a database with the level they are at now, which need not be the one they were written for. */
export async function factsOfAll(fs: MemoryFileSystem): Promise<TableFacts[]> {
  // Looks at a copy, as verify does: the manifest says which tables are live, and where.
  const recovery = VersionSet.recover(fs.clone(), directory, { random: systemRandom });
  const found = (await runAsync(recovery))!;
  const facts: TableFacts[] = [];
  for (const { version } of found.set.keyspaces.values()) {
    for (const { fileNumber, level } of version.tables()) {
      facts.push(factsOf(fs, joinPath(directory, tableName(fileNumber)), level));
    }
  }
  // L0 newest first, as in the version.
  return facts.sort((a, b) => a.level - b.level);
}

/** How a table should be written. */
export interface TableForm {
  readonly codec: string;
  readonly blockSizeBytes: number;
  readonly bloomBitsPerKey: number;
}

/** What in the file is not of this form; undefined when all of it is. No snapshot may have kept older versions of a key. */
export function problemOf(table: TableFacts, form: TableForm): string | undefined {
  const { level, path, entries, codec, properties, blocks, filterBits } = table;
  const { blockSizeBytes, bloomBitsPerKey } = form;
  const problem = (what: string): string => `${path} at L${level}: ${what}`;
  if (codec !== form.codec) return problem(`codec ${codec}, not ${form.codec}`);
  if (properties.blockSizeBytes !== blockSizeBytes) {
    return problem(`blocks of ${properties.blockSizeBytes} bytes, not ${blockSizeBytes}`);
  }
  // The last block is as small as the rest is; what does not get smaller is stored as it is.
  for (const block of blocks.slice(0, -1)) {
    if (block.codec !== form.codec) return problem(`a block of codec ${block.codec}`);
    const isFull = block.rawBytes > 0.8 * blockSizeBytes && block.rawBytes < blockSizeBytes + 130;
    if (!isFull) return problem(`a block of ${block.rawBytes} bytes, not ${blockSizeBytes}`);
  }
  // Rounded up to whole words; two at least.
  const bits = Math.max(64, Math.ceil((entries * bloomBitsPerKey) / 32) * 32);
  const expectedBits = bloomBitsPerKey === 0 ? 0 : bits;
  return filterBits === expectedBits
    ? undefined
    : problem(`a filter of ${filterBits} bits, not ${expectedBits}, for ${entries} keys`);
}
