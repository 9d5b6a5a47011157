/** Ways to break tables: how they are written, read, merged and deleted; see mutations.mjs. */
export const tableMutations = [
  {
    name: 'skip the directory sync after a new table',
    file: 'src/compaction/job.ts',
    find: 'if (outputs.tables.length > 0) yield* outputs.sync();',
    replace: '',
    caughtBy: [
      'test/protocol/flush.test.ts',
      'a flush › the table and its name are durable before one record makes it count, then its log goes',
    ],
  },
  {
    name: 'skip the log sync before the edit of a flush',
    file: 'src/db/flusher.ts',
    find: 'yield* logs.sync();',
    replace: '',
    caughtBy: [
      'test/protocol/flush.test.ts',
      'a flush › the log is synced before the edit: no keyspace is ahead of what another has in the log',
    ],
  },
  {
    name: 'read L0 oldest first',
    file: 'src/manifest/version.ts',
    find: 'return b.largestSeq - a.largestSeq || b.fileNumber - a.fileNumber;',
    replace: 'return a.largestSeq - b.largestSeq || a.fileNumber - b.fileNumber;',
    caughtBy: [
      'test/protocol/reads.test.ts',
      'a read › asks L0 newest table first, also after reopening',
    ],
  },
  {
    name: 'drop tombstones one level early',
    file: 'src/compaction/picker-plan.ts',
    find: 'for (let level = outputLevel + 1; level <= version.deepestLevel; level++) {',
    replace: 'for (let level = outputLevel + 2; level <= version.deepestLevel; level++) {',
    caughtBy: [
      'test/protocol/compaction.test.ts',
      'a tombstone › stays while a deeper level holds its key, at every step down',
    ],
  },
  {
    name: 'drop tombstones while a snapshot needs them',
    file: 'src/iterator/compaction-iterator.ts',
    find: 'if (entry.kind === kindDelete && stripe === 0 && this.#hidesNothingOutside(entry)) {',
    replace: 'if (entry.kind === kindDelete && this.#hidesNothingOutside(entry)) {',
    caughtBy: [
      'test/protocol/compaction.test.ts',
      'a tombstone › stays while a snapshot needs what it hides, and goes when none does',
    ],
  },
  {
    name: 'ignore block checksums',
    file: 'src/sstable/block-frame.ts',
    find: `readU32(source, trailer + 6) !==
    checksumAt(source.subarray(start, trailer + 6), tableId, offset)`,
    replace: 'source.length < 0',
    caughtBy: [
      'test/protocol/blocks.test.ts',
      'a block › with a flipped bit is not read: its checksum does not match',
    ],
  },
  {
    name: "ignore the checksum's binding to its place",
    file: 'src/base/checksum.ts',
    find: 'return crc32(bytes, checksumSeed(id, offset)) >>> 0;',
    replace: 'return crc32(bytes, checksumSeed(id, 0)) >>> 0;',
    caughtBy: [
      'test/protocol/blocks.test.ts',
      'a block › in the place of another one of its table is not read',
    ],
  },
  {
    name: "ignore the checksum's binding to its file",
    file: 'src/base/checksum.ts',
    find: 'return crc32(bytes, checksumSeed(id, offset)) >>> 0;',
    replace: 'return crc32(bytes, checksumSeed(noFileId, offset)) >>> 0;',
    caughtBy: [
      'test/protocol/blocks.test.ts',
      'a block › in the same place of another table is not read',
    ],
  },
  {
    name: 'delete inputs before the edit is durable',
    file: 'src/db/compaction-runner.ts',
    find: 'addAt(counters.read, plan.outputLevel, result.counters.rawBytesRead);',
    replace: `for (const { fileNumber } of plan.inputs) core.remover.removeTable(fileNumber);
      addAt(counters.read, plan.outputLevel, result.counters.rawBytesRead);`,
    caughtBy: [
      'test/protocol/compaction.test.ts',
      'a compaction › its inputs stay until its edit is durable',
    ],
  },
  {
    name: 'reads skip the memtable that is being flushed',
    file: 'src/tree/tree.ts',
    find: 'const memtables = [this.#active, ...[...this.#immutables].reverse()];',
    replace: 'const memtables = [this.#active];',
    caughtBy: [
      'test/protocol/reads.test.ts',
      'a read › finds what is in a memtable that is being flushed',
    ],
  },
  {
    name: "split one key's versions over two tables of a level",
    file: 'src/compaction/table-filler.ts',
    find: `iterator.isNewKey &&
`,
    replace: '',
    caughtBy: [
      'test/protocol/compaction.test.ts',
      'the versions of one key › that snapshots need stay together in one table of a level, however large they are',
    ],
  },
  {
    name: 'size a filter for 1,000 keys, whatever the table holds',
    file: 'src/sstable/filter-writer.ts',
    find: 'made = BloomFilter.create(keys, this.#bitsPerKey);',
    replace: 'made = BloomFilter.create(1000, this.#bitsPerKey);',
    caughtBy: [
      'test/protocol/blocks.test.ts',
      'a filter › is sized for the keys that are in the table: 5,000 of them give few false positives',
    ],
  },
  {
    name: 'keep no versions for snapshots in a compaction',
    file: 'src/compaction/job.ts',
    find: 'return new CompactionIterator(mergeCursors(cursors), snapshotSeqs, older);',
    replace: 'return new CompactionIterator(mergeCursors(cursors), [], older);',
    caughtBy: [
      'test/protocol/compaction.test.ts',
      'the versions of one key › that snapshots need stay together in one table of a level, however large they are',
    ],
  },
  {
    name: 'write a table that failed again under its number',
    file: 'src/db/jobs.ts',
    find: 'const first = versions.takeFileNumbers(count);',
    replace:
      'const first = ((this.#executors as { first?: number }).first ??= versions.takeFileNumbers(count));',
    caughtBy: [
      'test/protocol/failures.test.ts',
      'a failed write › or sync of a table: the file is dropped, and it is tried again under a new number',
    ],
  },
  {
    name: 'try a failed directory sync again, as if only a table had failed',
    file: 'src/compaction/job-outputs.ts',
    find: "throw new LsmError('LSM_FAILED', `syncing the directory",
    replace: "throw new LsmError('LSM_IO', `syncing the directory",
    caughtBy: [
      'test/protocol/failures.test.ts',
      'a failed sync › of the directory behind a table: no more writes, and it is not tried again',
    ],
  },
  {
    name: 'forget counters in the edit of a compaction',
    file: 'src/db/compaction-runner.ts',
    find: 'counters: [core.countersOf(keyspace)],',
    replace: '',
    caughtBy: [
      'test/protocol/compaction.test.ts',
      'a compaction › its counters are in its edit: a power loss behind it forgets none',
    ],
  },
  {
    name: 'remove a table that an iterator reads',
    file: 'src/manifest/table-liveness.ts',
    find: 'if (!isNeeded) obsolete.push(fileNumber);',
    replace: 'if (!isNeeded || old.length > 0) obsolete.push(fileNumber);',
    caughtBy: [
      'test/protocol/compaction.test.ts',
      'a compaction › a table stays as long as an iterator may come to it',
    ],
  },
  {
    name: 'break ties of a merge the wrong way: the oldest version wins',
    file: 'src/iterator/merging-iterator.ts',
    find: 'if (order === 0) order = y.seq - x.seq;',
    replace: 'if (order === 0) order = x.seq - y.seq;',
    caughtBy: [
      'test/protocol/reads.test.ts',
      'a read › takes the newest of equal keys out of a merge, whatever sources it comes from',
    ],
  },
  {
    name: 'see what the log does not hold after a failed write',
    file: 'src/db/core.ts',
    find: 'return this.#failure === undefined ? logs.appendedSeq : logs.writtenSeq;',
    replace: 'return logs.appendedSeq;',
    caughtBy: [
      'test/protocol/failures.test.ts',
      'a failed write › of the log: what was not handed over is not seen any more',
    ],
  },
  {
    name: 'take file numbers that are not reserved',
    file: 'src/db/core.ts',
    find: `yield* this.ensureFileNumbers(1);
`,
    replace: '',
    caughtBy: [
      'test/protocol/file-numbers.test.ts',
      'file numbers › are reserved again when no edit has renewed them: a thousand logs that cannot be made',
    ],
  },
  {
    name: 'delete tables after a failure of the log',
    file: 'src/db/core.ts',
    find: 'if (this.#failure !== undefined || this.settings.readOnly) return;',
    replace: 'if (this.settings.readOnly) return;',
    caughtBy: [
      'test/protocol/failures.test.ts',
      'a failed sync › of the log: no table is deleted any more, also not when its last reader goes',
    ],
  },
];
