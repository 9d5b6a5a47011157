import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  DataSet,
  findWorkloads,
  loadStore,
  makeWorkloads,
  noriDriver,
  runFresh,
  runWorkload,
  type BenchKind,
  type BenchStore,
} from '../../src/bench.js';

const root = mkdtempSync(join(tmpdir(), 'nori-workloads-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const directories = {
  make: async () => mkdtempSync(join(root, 'db-')),
  remove: async (directory: string) => rmSync(directory, { recursive: true, force: true }),
};
const sizes = { cacheBytes: 8 * 2 ** 20, writeBufferBytes: 256 * 1024 };
const entries = 3000;
const operations = 500;

function makeData(kind: BenchKind): DataSet {
  return new DataSet({ kind, entries, valueBytes: 40 });
}

async function withLoaded(
  kind: BenchKind,
  use: (store: BenchStore, data: DataSet) => Promise<void>,
): Promise<void> {
  const data = makeData(kind);
  const directory = await directories.make();
  const store = await noriDriver.open({ directory, kind, durability: 'os', ...sizes });
  try {
    await loadStore(store, noriDriver, data);
    await use(store, data);
  } finally {
    await store.close();
    await directories.remove(directory);
  }
}

describe('on nori-lsm', () => {
  // Here the operations are counted, however long they take.
  const workloads = makeWorkloads().map((workload) => ({ ...workload, milliseconds: 120_000 }));

  it.each(workloads.filter(({ needs }) => needs === 'fresh').map((each) => [each.name, each]))(
    '%s writes what it says',
    async (name, workload) => {
      let files: string[] = [];
      const inspect = async (directory: string): Promise<void> => {
        files = readdirSync(directory);
      };
      const data = makeData('bytes');
      const result = await runFresh(noriDriver, workload, data, {
        directories,
        sizes,
        inspect,
        operations,
      });
      expect(result).toMatchObject({ workload: name, operations });
      expect(result?.cpuMicrosecondsSettled).toBeGreaterThanOrEqual(result?.cpuMicroseconds ?? NaN);
      expect(files).toContain('CURRENT');
      expect(readdirSync(root)).toEqual([]);
    },
  );

  it.each<[BenchKind]>([['bytes'], ['utf8'], ['json']])(
    'all that need a loaded store, with %s',
    async (kind) => {
      const loaded = workloads.filter(({ needs }) => needs === 'loaded');
      const names: string[] = [];
      await withLoaded(kind, async (store, data) => {
        for (const workload of loaded) {
          const result = await runWorkload(store, workload, data, { operations });
          if (result === undefined) continue;
          names.push(result.workload);
          expect(result.operations).toBeGreaterThanOrEqual(operations);
          expect(result.operations).toBeLessThan(operations + 100);
          expect(result.milliseconds).toBeGreaterThan(0);
        }
      });
      // It has no values that are valid until the next call only.
      const without = ['readrandom-borrowed', 'readmissing-borrowed'];
      expect(names).toEqual(
        loaded.map(({ name }) => name).filter((name) => !without.includes(name)),
      );
    },
  );
});

describe('a store that does not do what it should', () => {
  const liar = (store: BenchStore, lies: Partial<BenchStore>): BenchStore => ({
    batch: store.batch.bind(store),
    put: store.put.bind(store),
    deleteBatch: store.deleteBatch.bind(store),
    get: store.get.bind(store),
    getSync: store.getSync?.bind(store),
    getMany: store.getMany?.bind(store),
    getManySync: store.getManySync?.bind(store),
    scan: store.scan.bind(store),
    settle: store.settle.bind(store),
    close: store.close.bind(store),
    ...lies,
  });
  const empty = new Uint8Array(0);

  it.each<[string, Partial<BenchStore>]>([
    ['readrandom', { get: () => empty }],
    ['readrandom-sync', { getSync: () => empty }],
    ['readmissing-sync', { getSync: () => empty }],
    ['multiget', { getMany: async () => [] }],
    ['multiget-sync', { getManySync: (keys) => keys.map(() => empty) }],
    ['readseq', { scan: () => undefined }],
    ['readreverse', { scan: (_range, visit) => void visit('', empty) }],
    ['seekrandom', { scan: () => undefined }],
    ['ycsbc', { getSync: () => empty }],
    ['ycsbe', { scan: () => undefined }],
    ['readwhilewriting', { getSync: () => empty }],
  ])('%s fails', async (name, lies) => {
    await withLoaded('bytes', async (store, data) => {
      const [workload] = findWorkloads([name]);
      await expect(runWorkload(liar(store, lies), workload, data, { operations })).rejects.toThrow(
        /was handed out, it should have been/,
      );
    });
  });

  it('is not loaded when it gives back something else', async () => {
    const data = makeData('bytes');
    const directory = await directories.make();
    const options = { directory, kind: 'bytes', durability: 'os', ...sizes } as const;
    const store = await noriDriver.open(options);
    const other = new Uint8Array(40);
    const lying = liar(store, { get: () => other });
    await expect(loadStore(lying, noriDriver, data)).rejects.toThrow(/is not what was stored/);
    const finder = liar(store, { getMany: async (keys) => keys.map(() => other) });
    await expect(loadStore(finder, noriDriver, data)).rejects.toThrow(/was not stored .* is found/);
    await store.close();
    await directories.remove(directory);
  });
});

describe('the data', () => {
  it('is in key order, with absent keys in between, and the same each time', () => {
    const data = makeData('utf8');
    const all = Array.from({ length: entries }, (_, i) => [data.key(i), data.missingKey(i)]).flat();
    expect(all).toEqual([...new Set(all)].sort());
    expect(makeData('utf8').keys(data.fillOrder('random'))).toEqual(
      data.keys(data.fillOrder('random')),
    );
    expect(makeData('bytes').value(7)).toEqual(makeData('bytes').value(7));
    expect(new Set(data.fillOrder('random')).size).toBe(entries);
    expect([...data.fillOrder('random')]).not.toEqual([...data.fillOrder('ascending')]);
  });

  it('names all workloads when one is not there', () => {
    expect(() => findWorkloads(['fillseq', 'fillsec'])).toThrow(/'fillsec'; there are: fillseq, /);
    expect(findWorkloads(['readseq', 'fillseq']).map(({ name }) => name)).toEqual([
      'fillseq',
      'readseq',
    ]);
  });
});
