// Writes test/sstable/fixtures/table-parts-v1.sst: a small table whose index and
// filter are in parts, as large tables have them. Run once, from the root, with the
// package built:
//
//     npm run build && node test/sstable/make-parts-fixture.mjs
//
// What is committed is never made anew: it stands for files that users have. The
// entries are those of `partsFixtureEntries` in parts-fixture.ts.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const load = (path) => import(new URL(`../../dist/${path}`, import.meta.url).href);
const { nodeFileSystem } = await load('fs/node-file-system.js');
const { runSync } = await load('base/task.js');
const { TableWriter } = await load('sstable/table-writer.js');

const path = fileURLToPath(new URL('fixtures/table-parts-v1.sst', import.meta.url));
if (existsSync(path)) throw new Error(`${path} exists: fixtures are never made anew`);
const writer = runSync(
  TableWriter.create({
    fs: nodeFileSystem,
    path,
    settings: {
      compression: 'none',
      blockSizeBytes: 128,
      bloomBitsPerKey: 10,
      cachePriority: 'normal',
    },
    databaseId: { low: 7, high: 9 },
    tableId: { low: 0x1234_5678, high: 0x9abc_def0 },
    keyspaceId: 0,
    keyspaceName: '',
    level: 0,
    flushedSeq: 0,
    layout: { indexSplitBytes: 0, indexPartBytes: 200, filterSplitBytes: 0, filterPartBytes: 8 },
  }),
);
for (let i = 0; i < 40; i++) {
  const key = Buffer.from(`key${String(i).padStart(3, '0')}`);
  // Every fourth key is deleted; key 10 has versions that fill several blocks and parts.
  const versions = i === 10 ? 40 : 1;
  for (let version = 0; version < versions; version++) {
    const kind = i % 4 === 3 ? 1 : 0;
    const value = kind === 1 ? new Uint8Array(0) : Buffer.from(`value ${i}.${version}`);
    writer.add(key, 0, key.length, 1000 + i * 50 - version, kind, value, 0, value.length);
  }
}
runSync(writer.finish());
