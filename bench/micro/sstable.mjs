// A table as a whole: building, opening, hot and cold lookups; entries of 16 + 100 bytes.
import { join } from 'node:path';
import { keyForms, layOut, load, Random, runAlone } from './harness.mjs';
import { closeTable, keysOf, lookUp, openTable, withDirectory, writeTable } from './tables.mjs';

const { BlockCache } = await load('sstable/block-cache.js');

const blockSizes = { none: 4096, lz4: 4096, zstd: 16_384 };

export async function define({ measure, note, scaled }) {
  const entries = scaled(200_000, 256);
  const random = new Random();
  // Even numbers are there, odd ones are not.
  const even = (i) => keyForms.number(2 * i);
  const keys = layOut(
    Array.from({ length: entries }, (_, i) => i),
    even,
  );
  const lookups = Array.from({ length: scaled(50_000) }, () => random.below(entries));
  const present = keysOf(layOut(lookups, even));
  const absent = keysOf(layOut(lookups, (i) => keyForms.number(2 * i + 1)));
  const sameKey = new Array(lookups.length).fill(present[0]);

  await withDirectory(async (directory) => {
    for (const [compression, blockSizeBytes] of Object.entries(blockSizes)) {
      const path = join(directory, `${compression}.sst`);
      let meta;
      const build = async () => {
        meta = await writeTable(path, keys, { compression, blockSizeBytes });
        return meta.entries;
      };
      await measure(`${compression}: build`, entries, build);
      meta ?? (await build());
      note(`${compression}: file`, meta.size / entries, 'bytes/entry');
      const hot = openTable(path, new BlockCache({ capacityBytes: 2 ** 28 }));
      const cold = openTable(path);
      await measure(`${compression}: get, random keys`, present.length, () => lookUp(hot, present));
      await measure(`${compression}: get, one key`, present.length, () => lookUp(hot, sameKey));
      await measure(
        `${compression}: get, absent keys`,
        absent.length,
        () => lookUp(hot, absent) + 1,
      );
      const few = present.slice(0, scaled(5000));
      await measure(`${compression}: get, no cache`, few.length, () => lookUp(cold, few));
      closeTable(hot);
      closeTable(cold);
      await measure(`${compression}: open and close`, 1, () => {
        const table = openTable(path);
        closeTable(table);
        return table.size;
      });
    }
    await formsOfIndexAndFilter(directory, keys, present, absent, { measure, note });
  });
}

/** One table with index and filter in one piece, and in parts as large tables have them. */
async function formsOfIndexAndFilter(directory, keys, present, absent, { measure, note }) {
  const sizes = { indexPartBytes: 16 * 1024, filterPartBytes: 32 * 1024 };
  for (const [form, splitBytes] of [
    ['in one piece', 2 ** 31],
    ['in parts', 0],
  ]) {
    const path = join(directory, `${form}.sst`);
    const layout = { filterSplitBytes: splitBytes, indexSplitBytes: splitBytes, ...sizes };
    await writeTable(path, keys, { layout });
    const table = openTable(path, new BlockCache({ capacityBytes: 2 ** 28 }));
    await measure(`index and filter ${form}: get`, present.length, () => lookUp(table, present));
    await measure(
      `index and filter ${form}: get, absent`,
      absent.length,
      () => lookUp(table, absent) + 1,
    );
    note(`index and filter ${form}: held by the table`, table.memoryBytes / 1024, 'KiB');
    closeTable(table);
  }
}

await runAlone(import.meta.url, define);
