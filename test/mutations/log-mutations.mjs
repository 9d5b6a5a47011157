/** Ways to break the write-ahead log, recovery, and who may come near them; see mutations.mjs. */
export const logMutations = [
  {
    name: 'acknowledge `disk` before fdatasync',
    file: 'src/db/write-path.ts',
    find: "const acks = durability === 'disk' ? this.#diskAcks : this.#writtenAcks;",
    replace: 'const acks = this.#writtenAcks;',
    caughtBy: [
      'test/protocol/new-log.test.ts',
      'a write is acknowledged as durable when it is on disk, not before',
    ],
  },
  {
    name: 'replay only the newest log',
    file: 'src/wal/recover-logs.ts',
    find: 'for (const { log, report } of counting) {',
    replace: 'for (const { log, report } of counting.slice(-1)) {',
    caughtBy: [
      'test/protocol/recovery.test.ts',
      'recovery › replays every log that is needed, oldest first',
    ],
  },
  {
    name: 'replay entries below flushedSeq',
    file: 'src/db/recovery.ts',
    find: 'if (flushedSeq === undefined || seq <= flushedSeq) continue;',
    replace: 'if (flushedSeq === undefined) continue;',
    caughtBy: [
      'test/protocol/recovery.test.ts',
      'recovery › does not put into memory again what is in a table',
    ],
  },
  {
    name: 'cut the torn tail of a log without recording where: the next log states another end',
    file: 'src/db/recovery.ts',
    find: 'replayed === undefined ? noPreviousLog : { ...replayed.last, synced: replayed.last.end };',
    replace: 'replayed === undefined ? noPreviousLog : { ...replayed.last, end: 0, synced: 0 };',
    caughtBy: [
      'test/protocol/recovery.test.ts',
      'a torn log › and the recovery after a recovery that died finds the same end, with the same logs',
    ],
  },
  {
    name: 'swallow a failed fsync',
    file: 'src/wal/log-writer.ts',
    find: `await this.#file!.sync();
    } catch (error) {
      throw this.#fail(error, 'syncing');
    }`,
    replace: `await this.#file!.sync();
    } catch {
      // Swallowed.
    }`,
    caughtBy: [
      'test/protocol/failures.test.ts',
      'a failed sync › of the log: the write is not acknowledged, no more are taken, and it is not tried again',
    ],
  },
  {
    name: 'try a failed fsync again',
    file: 'src/wal/log-writer.ts',
    find: 'await this.#file!.sync();',
    replace: 'await this.#file!.sync().catch(() => this.#file!.sync());',
    caughtBy: [
      'test/protocol/failures.test.ts',
      'a failed sync › of the log: the write is not acknowledged, no more are taken, and it is not tried again',
    ],
  },
  {
    name: 'write records before the header of their log is synced',
    file: 'src/wal/log-writer.ts',
    find: `this.#writtenEnd = header.length;
    yield this.#sync;`,
    replace: 'this.#writtenEnd = header.length;',
    caughtBy: [
      'test/protocol/new-log.test.ts',
      'the next log: the same, and nothing is written to it before the header is synced',
    ],
  },
  {
    name: 'skip the directory sync after a new log',
    file: 'src/db/log-set.ts',
    find: `      yield waitable(
        () => fs.syncDirectory(directory),
        () => fs.syncDirectorySync!(directory),
      );`,
    replace: '',
    caughtBy: [
      'test/protocol/new-log.test.ts',
      'the first log of a session: its name and its header are durable before a record is written',
    ],
  },
  {
    name: 'sync two logs in the wrong order',
    file: 'src/db/log-set.ts',
    find: `const logs = [...this.#logs];
    yield* this.write();`,
    replace: `yield* this.write();
    const logs = [...this.#logs];`,
    caughtBy: [
      'test/protocol/log-sync-order.test.ts',
      'logs are synced oldest first: none before all of the one that it continues',
    ],
  },
  {
    name: 'sync only the newest log',
    file: 'src/db/log-set.ts',
    find: 'for (const log of logs) {',
    replace: 'for (const log of logs.slice(-1)) {',
    caughtBy: [
      'test/protocol/new-log.test.ts',
      'what is acknowledged as durable covers everything before it, of older logs too',
    ],
  },
  {
    name: 'believe a fragment of a log whose checksum does not match',
    file: 'src/wal/log-reader.ts',
    find: 'if (checksum !== fragmentChecksum(bytes, at, length, this.#fileId, position)) {',
    replace: 'if (checksum === -1) {',
    caughtBy: ['test/protocol/recovery.test.ts', 'a torn log › shows a batch whole or not at all'],
  },
  {
    name: 'take damage below what was synced for a crash',
    file: 'src/wal/log-claims.ts',
    find: 'if (report.end < needed) damage',
    replace: 'if (needed < 0) damage',
    caughtBy: ['test/protocol/recovery.test.ts', 'a torn log › below what was synced is damage'],
  },
  {
    name: 'destroy without the lock',
    file: 'src/db/destroy.ts',
    find: 'const lock = await fs.lockDirectory(path, { timeoutMs: lockTimeoutMs, overrideForeignOwner });',
    replace: 'const lock = { release: async () => undefined };',
    caughtBy: [
      'test/protocol/close-and-destroy.test.ts',
      'destroy › takes the lock: not while somebody has the database open',
    ],
  },
  {
    name: 'drop a keyspace before the logs are synced',
    file: 'src/db/keyspaces.ts',
    find: 'yield* logs.sync();',
    replace: '',
    caughtBy: [
      'test/protocol/recovery.test.ts',
      'a dropped keyspace › is not dropped on disk before what was written ahead of it is on disk',
    ],
  },
  {
    name: 'delete logs of an earlier session before their copies count',
    file: 'src/db/recovery.ts',
    find: '    await runAsync(logs.copyIn(kept));',
    replace: `    await runAsync(logs.removeBelow(logs.activeNumber));
    await runAsync(logs.copyIn(kept));`,
    caughtBy: [
      'test/protocol/recovery.test.ts',
      'recovery › makes durable what it read before it deletes, and before it takes a write',
    ],
  },
  {
    name: 'build on logs that were never synced',
    file: 'src/db/recovery.ts',
    find: 'for (const log of logs.logs) await syncFile(fs, log.path);',
    replace: '',
    caughtBy: [
      'test/protocol/recovery.test.ts',
      'recovery › makes durable what it read before it deletes, and before it takes a write',
    ],
  },
  {
    name: 'ignore what logs state of the manifest',
    file: 'src/db/recovery.ts',
    find: 'if (claim !== undefined) versions.checkClaim(claim.number, claim.syncedLength);',
    replace: '',
    caughtBy: [
      'test/protocol/manifest.test.ts',
      'an edit that a crash tore › was whole when a log began that states the length of the manifest: that is damage, not a crash',
    ],
  },
  {
    name: 'apply copies of an interrupted recovery again',
    file: 'src/wal/log-replayer.ts',
    find: 'if (firstSeq <= this.highestSeq) {',
    replace: 'if (firstSeq < 0) {',
    caughtBy: [
      'test/protocol/recovery.test.ts',
      'recovery › of a recovery that was cut off: copies are not applied twice',
    ],
  },
  {
    name: 'forget that a later log was synced when an older one lost its end',
    file: 'src/wal/log-claims.ts',
    find: 'if (claim > log.headerBytes || closedAt > 0) isSyncedBelow = true;',
    replace: '',
    caughtBy: [
      'test/protocol/claims.test.ts',
      'an older log that lost its end › is damage when a later one says that it was synced itself',
    ],
  },
  {
    name: 'claim in a record what is not synced',
    file: 'src/db/log-set.ts',
    find: 'appendBatch(log.writer, { firstSeq, count, syncedOffset: log.writer.syncedEnd }, batch);',
    replace: 'appendBatch(log.writer, { firstSeq, count, syncedOffset: log.writer.end }, batch);',
    caughtBy: [
      'test/protocol/claims.test.ts',
      'an older log that lost its end › voids the later ones, for good',
    ],
  },
  {
    name: 'use the log of another database',
    file: 'src/wal/log-chain.ts',
    find: 'if (!sameFileId(header.databaseId, options.databaseId)) {',
    replace: "if (path === '') {",
    caughtBy: [
      'test/protocol/claims.test.ts',
      'a log or a manifest of another database is damage, also under the right number',
    ],
  },
  {
    name: 'close without saying so in the manifest',
    file: 'src/db/close.ts',
    find: `cleanClose: claim,
`,
    replace: '',
    caughtBy: [
      'test/protocol/close-and-destroy.test.ts',
      'close › a log that ends below what a clean close said is damage',
    ],
  },
  {
    name: 'set tables aside before the manifest is settled',
    file: 'src/db/recovery.ts',
    find: 'await syncFile(fs, joinPath(core.path, manifestName(found.report.manifestNumber)));',
    replace: '',
    caughtBy: [
      'test/protocol/manifest.test.ts',
      'an edit that a crash tore › does not count; tables that nothing names are set aside, and it is told',
    ],
  },
];
