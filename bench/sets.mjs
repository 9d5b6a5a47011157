const MiB = 1024 * 1024;

const reads = [
  'readrandom',
  'readrandom-sync',
  'readrandom-borrowed',
  'readmissing-sync',
  'readmissing-borrowed',
];
const walks = ['readseq', 'readreverse', 'seekrandom'];

/** What can be measured in one run: data, sizes that every store is given, workloads. */
export const sets = {
  standard: {
    title: '16 + 100 bytes, 1 M entries',
    kind: 'bytes',
    entries: 1_000_000,
    valueBytes: 100,
    workloads: 'all',
  },
  'large-values': {
    title: '16 + 1000 bytes, 200,000 entries',
    kind: 'bytes',
    entries: 200_000,
    valueBytes: 1000,
    workloads: 'all',
  },
  large: {
    title: '16 + 100 bytes, 5 M entries',
    kind: 'bytes',
    entries: 5_000_000,
    // Long enough for compactions to run.
    milliseconds: { fillrandom: 15_000 },
    valueBytes: 100,
    workloads: [
      'fillrandom',
      ...reads,
      'multiget',
      'multiget-sync',
      ...walks,
      'readwhilewriting',
      'ycsbb',
      'overwrite',
    ],
  },
  utf8: {
    title: 'strings of 16 and 100 characters, 200,000 entries',
    kind: 'utf8',
    entries: 200_000,
    valueBytes: 100,
    workloads: ['fillrandom', 'readrandom', 'readrandom-sync', 'readseq', 'overwrite'],
  },
  json: {
    title: 'keys of 16 characters, JSON objects of some 150, 200,000 entries',
    kind: 'json',
    entries: 200_000,
    valueBytes: 0,
    workloads: ['fillrandom', 'readrandom', 'readrandom-sync', 'readseq', 'overwrite'],
  },
};

/** Given to every store that takes such a setting. */
export const sizes = { cacheBytes: 256 * MiB, writeBufferBytes: 32 * MiB };

/** Modules of drivers/. */
export const storeNames = [
  'nori',
  'classic-level',
  'lmdb',
  'better-sqlite3',
  'rocksdb-native',
  'rocksdb',
  // Does nothing, and shows what the runner itself costs.
  'empty',
  // Not measured unless it is asked for: see drivers/lmdb.mjs.
  'lmdb-writemap',
];

export const defaultStoreNames = storeNames.filter((name) => name !== 'lmdb-writemap');
