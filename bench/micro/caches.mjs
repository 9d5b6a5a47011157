// The block cache and the table cache, without what they hold.
import { join } from 'node:path';
import { keyForms, layOut, load, Random, runAlone } from './harness.mjs';
import { fs, runSync, withDirectory, writeTable } from './tables.mjs';

const { BlockCache, CachedBlocks } = await load('sstable/block-cache.js');
const { TableCache } = await load('sstable/table-cache.js');
const { tableName } = await load('base/file-names.js');

const blockBytes = 4096;

export async function define(bench) {
  await blockCache(bench);
  await tableCache(bench);
}

async function blockCache({ measure, scaled }) {
  // Of 40 tables, as random lookups meet them.
  const tables = 40;
  const perTable = scaled(1000);
  const total = tables * perTable;
  const make = () => Array.from({ length: tables }, () => new CachedBlocks(perTable, 'normal'));
  const blocks = Array.from({ length: total }, () => ({ memoryBytes: blockBytes }));
  const order = new Random().order(total);
  const visit = (cache, owners) => {
    let found = 0;
    for (const number of order) {
      const owner = owners[number % tables];
      if (cache.find(owner, Math.floor(number / tables)) !== undefined) found++;
    }
    return found;
  };
  const owners = make();
  const full = new BlockCache({ capacityBytes: 2 * total * blockBytes });
  for (const number of order)
    full.insert(owners[number % tables], Math.floor(number / tables), blocks[number]);
  await measure('block cache: hit', total, () => visit(full, owners));
  await measure('block cache: miss', total, () => visit(full, make()) + 1);
  await measure(
    'block cache: insert',
    total,
    ({ cache, into }) => {
      for (const number of order)
        cache.insert(into[number % tables], Math.floor(number / tables), blocks[number]);
      return cache.usedBytes;
    },
    () => ({ cache: new BlockCache({ capacityBytes: 2 * total * blockBytes }), into: make() }),
  );
  const small = new BlockCache({ capacityBytes: (total / 10) * blockBytes });
  const into = make();
  await measure('block cache: look, insert and evict', total, () => {
    for (const number of order) {
      const owner = into[number % tables];
      const at = Math.floor(number / tables);
      if (small.find(owner, at) === undefined) small.insert(owner, at, blocks[number]);
    }
    return small.usedBytes;
  });
}

async function tableCache({ measure, scaled }) {
  await withDirectory(async (directory) => {
    const keys = layOut(
      Array.from({ length: 64 }, (_, i) => i),
      keyForms.number,
    );
    const metas = [];
    for (let fileNumber = 1; fileNumber <= 32; fileNumber++) {
      metas.push(await writeTable(join(directory, tableName(fileNumber)), keys, { fileNumber }));
    }
    const databaseId = { low: 0, high: 0 };
    const all = new TableCache({ fs, directory, databaseId });
    for (const meta of metas) runSync(all.open(meta));
    const times = scaled(50_000);
    await measure('table cache: find', times, () => {
      let found = 0;
      for (let i = 0; i < times; i++) if (all.find(1 + (i & 31)) !== undefined) found++;
      return found;
    });
    runSync(all.close());
    const few = new TableCache({ fs, directory, databaseId, maxOpenTables: 8 });
    await measure('table cache: open one, close another', metas.length, () => {
      let bytes = 0;
      for (const meta of metas) bytes += runSync(few.open(meta)).size;
      return bytes;
    });
    runSync(few.close());
  });
}

await runAlone(import.meta.url, define);
