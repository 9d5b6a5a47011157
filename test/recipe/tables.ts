import type { FileSystem } from '../../src/fs.js';
import {
  SSTableBuilder,
  type Entry,
  type SSTableBuilderOptions,
  type SSTableMetadata,
} from '../../src/sstable.js';

/** Builds a table of these entries, which must be in key order. */
export async function buildTable(
  fs: FileSystem,
  path: string,
  entries: Iterable<Entry> | AsyncIterable<Entry>,
  options: Partial<SSTableBuilderOptions> = {},
): Promise<SSTableMetadata> {
  const builder = await SSTableBuilder.create({ path, fs, ...options });
  for await (const entry of entries) await builder.add(entry);
  return builder.finish();
}
