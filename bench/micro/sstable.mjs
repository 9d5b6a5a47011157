// What the parts of the table layer cost: building, hot and cold lookups, scans.
// Usage: node bench/micro/sstable.mjs [entries]      (after npm run build)
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const dist = new URL(process.env.NORI_DIST ?? '../../dist/', import.meta.url);
const load = (path) => import(new URL(path, dist).href);
const { nodeFileSystem: fs } = await load('fs/node-file-system.js');
const { runAsync, runSync } = await load('base/task.js');
const { KeyHash } = await load('base/hash.js');
const { Prng } = await load('base/prng.js');
const { CursorEntry } = await load('iterator/cursor.js');
const { loadCodecs } = await load('sstable/codecs.js');
const { BlockCache } = await load('sstable/block-cache.js');
const { TableWriter } = await load('sstable/table-writer.js');
const { BlockRequest, TableReader } = await load('sstable/table-reader.js');
await loadCodecs();

const entries = Number(process.argv[2] ?? 1_000_000);
const valueBytes = 100;
const directory = mkdtempSync(join(tmpdir(), 'nori-sstable-'));
const prng = new Prng(1);

// 16-byte keys; values of which about half compresses away.
const keys = Array.from({ length: entries }, (_, i) =>
  Buffer.from(String(2 * i).padStart(16, '0')),
);
const absent = Array.from({ length: 100_000 }, () =>
  Buffer.from(String(2 * prng.below(entries) + 1).padStart(16, '0')),
);
const values = Array.from({ length: 1024 }, () => {
  const value = new Uint8Array(valueBytes).fill(97);
  for (let i = 0; i < valueBytes / 2; i++) value[i] = prng.u32();
  return value;
});

/** CPU time of this process in milliseconds: on a shared machine the wall clock measures the neighbours. */
function now() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function report(name, count, milliseconds) {
  const nanos = ((milliseconds * 1e6) / count).toFixed(1);
  console.log(
    `${name.padEnd(44)} ${nanos.padStart(9)} ns   ${Math.round(count / milliseconds)} k/s`,
  );
}

function best(run, rounds = 5) {
  let least = Infinity;
  for (let i = 0; i < rounds; i++) {
    const begin = now();
    run();
    least = Math.min(least, now() - begin);
  }
  return least;
}

let tables = 0;
async function build(compression, blockSizeBytes = 4096, layout = undefined) {
  const path = join(directory, `${++tables}.sst`);
  const begin = now();
  const writer = runSync(
    TableWriter.create({
      fs,
      path,
      settings: { compression, blockSizeBytes, bloomBitsPerKey: 10, cachePriority: 'normal' },
      databaseId: { low: 0, high: 0 },
      tableId: { low: 1, high: 2 },
      keyspaceId: 0,
      keyspaceName: '',
      level: 0,
      flushedSeq: 0,
      layout,
    }),
  );
  for (let i = 0; i < entries; i++) {
    writer.add(keys[i], 0, 16, i, 0, values[i & 1023], 0, valueBytes);
    if (writer.needsDrain) await writer.drain().wait();
  }
  const meta = await runAsync(writer.finish());
  report(`build ${compression}, ${(meta.size / 2 ** 20).toFixed(1)} MiB`, entries, now() - begin);
  return path;
}

const hash = new KeyHash();
const into = new CursorEntry();
const request = new BlockRequest();

function lookUp(table, sample) {
  let found = 0;
  for (const key of sample) {
    hash.compute(key, 0, 16);
    let status = table.get(key, hash, Number.MAX_SAFE_INTEGER, into, request);
    while (status === 2) {
      request.waitSync();
      status = table.get(key, hash, Number.MAX_SAFE_INTEGER, into, request);
    }
    found += status;
  }
  return found;
}

function lookups(name, table, sample) {
  lookUp(table, sample);
  report(
    name,
    sample.length,
    best(() => lookUp(table, sample)),
  );
}

function scans(table) {
  const run = (forward, fillCache) => () => {
    const cursor = table.cursor({ fillCache });
    let bytes = 0;
    while (!(forward ? cursor.first() : cursor.last())) cursor.waitSync();
    while (cursor.valid) {
      bytes += cursor.entry.keyEnd + cursor.entry.valueEnd - cursor.entry.valueStart;
      while (!(forward ? cursor.next() : cursor.prev())) cursor.waitSync();
    }
    cursor.close();
    return bytes;
  };
  report('scan forward, cached', entries, best(run(true, true)));
  report('scan in reverse, cached', entries, best(run(false, true)));
}

// Copies, made in the order of use: the misses measured are the table's, not the benchmark's.
const probes = Array.from({ length: 200_000 }, () => Buffer.from(keys[prng.below(entries)]));
for (const compression of ['none', 'lz4', 'zstd']) {
  const path = await build(compression, compression === 'zstd' ? 16_384 : 4096);
  const blockCache = new BlockCache({ capacityBytes: 2 ** 30 });
  const hot = runSync(TableReader.open({ fs, path, blockCache }));
  const cold = runSync(TableReader.open({ fs, path }));
  lookups(`get ${compression}, random, cached blocks`, hot, probes);
  lookups(`get ${compression}, one key`, hot, Array(1000).fill(keys[entries >> 1]));
  lookups(`get ${compression}, absent keys`, hot, absent);
  lookups(`get ${compression}, random, no cache`, cold, probes.slice(0, 50_000));
  scans(hot);
  const scanCold = (forward) => () => {
    const cursor = cold.cursor();
    while (!(forward ? cursor.first() : cursor.last())) cursor.waitSync();
    while (cursor.valid) {
      while (!(forward ? cursor.next() : cursor.prev())) cursor.waitSync();
    }
    cursor.close();
  };
  report('scan forward, no cache', entries, best(scanCold(true), 3));
  report('scan in reverse, no cache', entries, best(scanCold(false), 3));
  const opening = best(() => runSync(runSync(TableReader.open({ fs, path })).close()));
  report('open and close', 1, opening);
  runSync(hot.close());
  runSync(cold.close());
}

// The two forms of one table, turn by turn, so that their ratio is of one run.
const onePiece = { filterSplitBytes: 2 ** 31, indexSplitBytes: 2 ** 31 };
const inParts = { filterSplitBytes: 0, indexSplitBytes: 0 };
const sizes = { indexPartBytes: 16 * 1024, filterPartBytes: 32 * 1024 };
const forms = [];
for (const layout of [onePiece, inParts]) {
  const path = await build('lz4', 4096, { ...layout, ...sizes });
  const blockCache = new BlockCache({ capacityBytes: 2 ** 30 });
  forms.push(runSync(TableReader.open({ fs, path, blockCache })));
}
for (const [name, sample] of [
  ['random', probes],
  ['absent', absent],
]) {
  const least = [Infinity, Infinity];
  for (let round = 0; round < 12; round++) {
    const form = round % 2;
    const begin = now();
    lookUp(forms[form], sample);
    least[form] = Math.min(least[form], now() - begin);
  }
  report(`get, ${name}, index and filter in one piece`, sample.length, least[0]);
  report(`get, ${name}, in parts`, sample.length, least[1]);
  console.log(`  ${(least[1] / least[0]).toFixed(2)} of the time in one piece`);
}
const [pinned, pinnedByParts] = forms.map((table) => table.memoryBytes);
console.log(`an open table holds ${pinned} bytes in one piece, ${pinnedByParts} in parts`);
for (const table of forms) runSync(table.close());
rmSync(directory, { recursive: true });
