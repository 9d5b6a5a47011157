/** Random edits for property tests. */
import fc from 'fast-check';
import { compareBytes } from '../../src/base/bytes.js';
import type { TableMeta } from '../../src/base/table-meta.js';
import type { StoredSettings, SettingValue } from '../../src/manifest/settings-codec.js';
import type { VersionEdit } from '../../src/manifest/version-edit.js';

const number = fc.oneof(fc.nat(300), fc.maxSafeNat());
const key = fc.oneof(
  fc.uint8Array({ maxLength: 12 }),
  fc.uint8Array({ minLength: 200, maxLength: 300 }),
);
const u32 = fc.nat(0xffff_ffff);
const level = fc.nat(31);

export const tableArbitrary: fc.Arbitrary<TableMeta> = fc
  .record({
    keyspaceId: number,
    level,
    run: fc.constant(0),
    fileNumber: number,
    tableId: fc.record({ low: u32, high: u32 }),
    size: number,
    checksum: u32,
    keys: fc.tuple(key, key),
    seqs: fc.tuple(number, number),
    counts: fc.tuple(number, number, number),
    rawBytes: number,
  })
  .map(({ keys, seqs, counts, ...rest }) => {
    const [smallest, largest] = keys.sort(compareBytes);
    const [smallestSeq, largestSeq] = seqs.sort((a, b) => a - b);
    const [superseded, tombstones, entries] = counts.sort((a, b) => a - b);
    return { ...rest, smallest, largest, smallestSeq, largestSeq, entries, tombstones, superseded };
  });

const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });

const settingValue = fc.letrec<{ value: SettingValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.double(),
    fc.string({ unit: 'grapheme' }),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(name, tie('value'), { maxKeys: 3, noNullPrototype: false }),
  ),
})).value;

export const settingsArbitrary: fc.Arbitrary<StoredSettings> = fc.dictionary(name, settingValue, {
  maxKeys: 4,
});

const counters = fc
  .record({
    userBytes: number,
    walBytes: number,
    flushBytes: number,
    levels: fc.array(fc.tuple(number, number), { maxLength: 8 }),
  })
  .map(({ levels, ...rest }) => ({
    ...rest,
    read: levels.map(([read]) => read),
    written: levels.map(([, written]) => written),
  }));

function some<T>(each: fc.Arbitrary<T>): fc.Arbitrary<T[]> {
  return fc.array(each, { minLength: 1, maxLength: 4 });
}

/** Any edit that can be written, whether it fits a state or not. */
export const editArbitrary: fc.Arbitrary<VersionEdit> = fc.record(
  {
    droppedKeyspaces: some(number),
    addedKeyspaces: some(fc.record({ id: number, name })),
    settings: some(fc.record({ keyspaceId: number, settings: settingsArbitrary })),
    nextKeyspaceId: number,
    lastSeq: number,
    flushedSeqs: some(fc.record({ keyspaceId: number, seq: number })),
    nextFileNumber: number,
    logNumber: number,
    cleanClose: fc.record({ logNumber: number, syncedLength: number }),
    removedTables: some(fc.record({ keyspaceId: number, fileNumber: number })),
    addedTables: some(tableArbitrary),
    cursors: some(fc.record({ keyspaceId: number, level, key })),
    counters: some(fc.record({ keyspaceId: number, counters })),
    isSnapshotEnd: fc.constant(true),
  },
  { requiredKeys: [] },
);
