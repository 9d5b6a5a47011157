/** Ways to break the manifest, and what is counted in it; see mutations.mjs. */
export const manifestMutations = [
  {
    name: 'skip the directory sync after renaming CURRENT',
    file: 'src/manifest/manifest-writer.ts',
    find: `yield* syncDirectory(fs, directory);
    return writer;`,
    replace: 'return writer;',
    caughtBy: [
      'test/protocol/manifest.test.ts',
      'a manifest roll › the new manifest is whole and durable before CURRENT names it, and that is durable before anything else',
    ],
  },
  {
    name: 'install a compaction as two records',
    file: 'src/manifest/version-set.ts',
    find: 'writer.append(record);',
    replace: `if ((complete.removedTables ?? []).length > 1) {
          const { removedTables, nextFileNumber, ...rest } = complete;
          writer.append(encodeEdit({ removedTables, nextFileNumber }));
          yield writer.flush();
          yield writer.sync();
          writer.append(encodeEdit({ ...rest, nextFileNumber }));
        } else writer.append(record);`,
    caughtBy: [
      'test/protocol/compaction.test.ts',
      'a compaction › power loss or the death of the process at any of its calls: nothing is lost, nothing comes back',
    ],
  },
  {
    name: 'reuse a file number after a crash',
    file: 'src/manifest/version-set.ts',
    find: 'this.#nextFileNumber = Math.max(state.nextFileNumber, (recovered?.highestNumber ?? 0) + 1);',
    replace: 'this.#nextFileNumber = Math.max(state.logNumber, recovered?.highestNumber ?? 0) + 1;',
    caughtBy: [
      'test/protocol/file-numbers.test.ts',
      'file numbers › are never given twice, also when the file with the highest is gone after a crash',
    ],
  },
  {
    name: 'forget the numbers of files that the manifest does not know',
    file: 'src/manifest/version-set.ts',
    find: 'this.#nextFileNumber = Math.max(state.nextFileNumber, (recovered?.highestNumber ?? 0) + 1);',
    replace: 'this.#nextFileNumber = state.nextFileNumber;',
    caughtBy: [
      'test/protocol/file-numbers.test.ts',
      'file numbers › go on above every name in the directory, whatever the manifest says',
    ],
  },
  {
    name: 'cut the torn tail of a manifest without recording it: tables that nothing names are deleted',
    file: 'src/manifest/read-manifest.ts',
    find: "reason === 'eof' ? undefined : { offset: end, bytes: (yield* sizeOf(file)) - end };",
    replace: "reason !== '' ? undefined : { offset: end, bytes: (yield* sizeOf(file)) - end };",
    caughtBy: [
      'test/protocol/manifest.test.ts',
      'an edit that a crash tore › does not count; tables that nothing names are set aside, and it is told',
    ],
  },
  {
    name: 'publish an edit before the manifest is synced',
    file: 'src/manifest/version-set.ts',
    find: `yield writer.flush();
        yield writer.sync();`,
    replace: `yield writer.flush();
        void writer.sync().wait();`,
    caughtBy: [
      'test/protocol/flush.test.ts',
      'a flush › is seen when its edit is durable, not before',
    ],
  },
  {
    name: 'begin a new manifest before manifests of unfinished rolls are gone for good',
    file: 'src/manifest/version-set.ts',
    find: 'if (recovered.voidManifests.length > 0) yield* syncDirectory(fs, directory);',
    replace: '',
    caughtBy: [
      'test/protocol/manifest.test.ts',
      'a manifest roll › one that was cut off before CURRENT named it is deleted, durably, before the first edit',
    ],
  },
  {
    name: 'take an older manifest where the one that CURRENT names is missing',
    file: 'src/manifest/find-manifest.ts',
    find: 'if (missing === number) throw missingManifest(directory, number);',
    replace:
      "if (missing === number) return yield* findWithoutCurrent(fs, directory, names, 'missing');",
    caughtBy: [
      'test/protocol/manifest.test.ts',
      'CURRENT › is followed to the manifest that it names, and to no other',
    ],
  },
  {
    name: 'claim of the manifest what is not synced',
    file: 'src/manifest/version-set.ts',
    find: 'return this.#writer?.syncedEnd ?? this.#recovered?.end ?? 0;',
    replace: 'return this.#writer?.end ?? this.#recovered?.end ?? 0;',
    caughtBy: [
      'test/protocol/claims.test.ts',
      'a log begun while an edit is under way claims no more of the manifest than is on disk',
    ],
  },
  {
    name: 'forget counters in a new manifest',
    file: 'src/manifest/snapshot-edits.ts',
    find: 'join(gathered, { nextKeyspaceId, lastSeq,',
    replace: 'join(gathered, {',
    caughtBy: [
      'test/protocol/manifest.test.ts',
      'a manifest roll › forgets no counter: not the ids of dropped keyspaces, not their sequence numbers',
    ],
  },
];
