// Cursors over one table and over a level: entries of 16 + 100 bytes, LZ4.
import { join } from 'node:path';
import { keyForms, layOut, load, Random, runAlone } from './harness.mjs';
import {
  closeTable,
  keysOf,
  openTable,
  seekEach,
  walk,
  withDirectory,
  writeTable,
} from './tables.mjs';

const { BlockCache } = await load('sstable/block-cache.js');
const { ConcatIterator } = await load('iterator/concat-iterator.js');

export async function define({ measure, scaled }) {
  const entries = scaled(200_000, 256);
  const keys = layOut(
    Array.from({ length: entries }, (_, i) => i),
    keyForms.number,
  );
  const order = new Random().order(entries).slice(0, scaled(20_000));
  const targets = keysOf(layOut(order, keyForms.number));

  await withDirectory(async (directory) => {
    const path = join(directory, 'one.sst');
    await writeTable(path, keys);
    const hot = openTable(path, new BlockCache({ capacityBytes: 2 ** 28 }));
    const cold = openTable(path);
    for (const [place, table] of [
      ['cached', hot],
      ['no cache', cold],
    ]) {
      for (const [way, isForward] of [
        ['next', true],
        ['prev', false],
      ]) {
        await measure(`${way}, ${place}`, entries, () => {
          const cursor = table.cursor();
          const bytes = walk(cursor, isForward);
          cursor.close();
          return bytes;
        });
      }
    }
    const seeking = hot.cursor();
    await measure('seek', targets.length, () => seekEach(seeking, targets, 0));
    await measure('seek and 10 steps', targets.length, () => seekEach(seeking, targets, 10));
    seeking.close();
    await measure('cursor of its own, seek, close', targets.length, () => {
      let bytes = 0;
      for (const key of targets) {
        const cursor = hot.cursor();
        bytes += seekEach(cursor, [key], 0);
        cursor.close();
      }
      return bytes;
    });
    closeTable(hot);
    closeTable(cold);

    const level = await makeLevel(directory, keys);
    const walkLevel = (isForward) => () => {
      const cursor = new ConcatIterator(level.metas, level.opener);
      const bytes = walk(cursor, isForward);
      cursor.close();
      return bytes;
    };
    await measure('level of 8 tables, next', entries, walkLevel(true));
    await measure('level of 8 tables, prev', entries, walkLevel(false));
    for (const table of level.tables) closeTable(table);
  });
}

async function makeLevel(directory, keys) {
  const blockCache = new BlockCache({ capacityBytes: 2 ** 28 });
  const metas = [];
  const tables = [];
  const share = Math.ceil(keys.length / 16 / 8) * 16;
  for (let number = 0; number < 8; number++) {
    const path = join(directory, `${number}.sst`);
    const part = keys.slice(number * share, (number + 1) * share);
    metas.push(await writeTable(path, part, { fileNumber: number }));
    tables.push(openTable(path, blockCache));
  }
  const opener = {
    openCursor: ({ fileNumber }) => tables[fileNumber].cursor(),
    request: () => undefined,
  };
  return { metas, tables, opener };
}

await runAlone(import.meta.url, define);
