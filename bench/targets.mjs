// The rows of the tables, and what nori-lsm is to reach in each: its rate against
// the best of the others in the same run.

/** A row's figure is the best of its workloads: what a store has quickest for the purpose counts. */
const rows = [
  { title: 'fillseq, batches of 1000', workloads: ['fillseq'], must: 1, aim: 1.5 },
  { title: 'fillrandom, batches of 1000', workloads: ['fillrandom'], must: 2, aim: 3 },
  { title: 'put, awaited one by one', workloads: ['put'], must: 4.5, aim: 7 },
  { title: 'put, 1000 in flight', workloads: ['put-inflight'], must: 2.5, aim: 5 },
  { title: 'putSync, one by one', workloads: ['put-sync'] },
  { title: 'fillsync, 1 writer', workloads: ['fillsync', 'fillsync-blocking'], must: 1.3, aim: 2 },
  { title: 'fillsync, 64 writers', workloads: ['fillsync-64'], must: 3, aim: 8 },
  { title: 'readrandom, await get', workloads: ['readrandom'], must: 1.25, aim: 1.5 },
  {
    title: 'readrandom, getSync',
    workloads: ['readrandom-sync', 'readrandom-borrowed'],
    must: 1,
    aim: 1.25,
  },
  {
    title: 'readmissing, getSync',
    workloads: ['readmissing-sync', 'readmissing-borrowed'],
    must: 2,
    aim: 3,
  },
  { title: 'multiget 100', workloads: ['multiget', 'multiget-sync'], must: 1.5, aim: 2 },
  { title: 'readseq, key and value handed out', workloads: ['readseq'], must: 2, aim: 5 },
  { title: 'readreverse', workloads: ['readreverse'], must: 2, aim: 5 },
  { title: 'seekrandom, fresh range read of 10', workloads: ['seekrandom'], must: 1.5, aim: 3 },
  { title: 'overwrite, batches of 100', workloads: ['overwrite'], must: 2, aim: 3 },
  { title: 'YCSB a: 50 % read, 50 % update', workloads: ['ycsba'], must: 2, aim: 3 },
  { title: 'YCSB b: 95 % read, 5 % update', workloads: ['ycsbb'], must: 2, aim: 3 },
  { title: 'YCSB c: read only', workloads: ['ycsbc'] },
  { title: 'YCSB d: 95 % read latest, 5 % insert', workloads: ['ycsbd'] },
  { title: 'YCSB e: 95 % short scan, 5 % insert', workloads: ['ycsbe'], must: 2, aim: 4 },
  { title: 'YCSB f: 50 % read, 50 % read-modify-write', workloads: ['ycsbf'] },
  { title: 'read while writing', workloads: ['readwhilewriting'], must: 1, aim: 1.5 },
  { title: 'deleterandom, batches of 100', workloads: ['deleterandom'] },
  { title: 'fillrandom, batches of 100, a turn after each', workloads: ['fill100-lateness'] },
];

/** The rows of a set. The large values and the many entries are to be at least even everywhere. */
export function rowsOf(set) {
  if (set === 'standard') return rows;
  return rows.map((row) => (row.must === undefined ? row : { ...row, must: 1, aim: 1.5 }));
}

/** Of the timer beside fill100-lateness, in milliseconds: beyond what an empty driver shows, and at most. */
export const lateness = {
  p99BeyondEmptyMs: 5,
  maxMs: 30,
  peers: ['classic-level', 'rocksdb-native'],
};
