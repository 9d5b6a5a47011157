import type { Prng } from '../../src/base/prng.js';
import { describeEdit } from '../../src/manifest/describe-edit.js';
import { decodeEdit } from '../../src/manifest/edit-codec.js';
import { StateBuilder } from '../../src/manifest/manifest-state.js';
import { decodeSettings, encodeSettings } from '../../src/manifest/settings-codec.js';
import { decodeTable, encodeTable } from '../../src/manifest/table-codec.js';
import { FieldReader, FieldsReader } from '../../src/manifest/tlv.js';
import { encodeCurrent, decodeCurrent } from '../../src/manifest/current-file.js';
import { snapshotEdits } from '../../src/manifest/snapshot-edits.js';
import { encodeEdit } from '../../src/manifest/edit-codec.js';
import { mustHold } from './block-targets.js';
import { recordsOf } from './corpus.js';
import { sealHeader } from './seal.js';
import type { Target } from './target.js';

const place = { file: 'MANIFEST-000007', offset: 56 };

/** CURRENT and what stands in a manifest, record by record. */
export function manifestTargets(manifests: readonly Uint8Array[]): Target[] {
  const edits = [
    ...manifests.flatMap((bytes) => recordsOf(bytes, 'manifest')),
    encodeEdit(fullEdit),
  ];
  const decoded = edits.map((bytes) => decodeEdit(bytes, place.file, place.offset));
  const settings = decoded.flatMap((edit) => edit.settings ?? []).map((each) => each.settings);
  const tables = decoded.flatMap((edit) => edit.addedTables ?? []);
  return [
    {
      name: 'CURRENT',
      seeds: [1, 7, 2 ** 40].map((manifestNumber) => {
        const ids = { databaseId: { low: 1, high: 2 }, manifestFileId: { low: 3, high: 4 } };
        return encodeCurrent({ manifestNumber, ...ids }, { low: 5, high: 6 });
      }),
      seal: sealHeader,
      decode(bytes) {
        const { manifestNumber } = decodeCurrent(bytes, 'CURRENT');
        mustHold(Number.isSafeInteger(manifestNumber), 'a manifest number that is none');
        return true;
      },
    },
    {
      name: 'TLV fields',
      seeds: [...edits, ...tables.map((table) => encodeTable(table).slice())],
      refusesSeeds: true,
      decode: walkFields,
    },
    {
      name: 'manifest edit',
      seeds: edits,
      weight: 2,
      decode(bytes) {
        const edit = decodeEdit(bytes, place.file, place.offset);
        mustHold(describeEdit(edit).length >= 0, 'an edit without a description');
        const builder = StateBuilder.forManifest();
        if (builder.apply(edit) !== undefined) return true;
        const state = builder.build();
        // What fits is written again by the next roll.
        if (typeof state !== 'string') for (const each of snapshotEdits(state)) encodeEdit(each);
        return true;
      },
    },
    {
      name: 'keyspace settings',
      seeds: [...settings, nestedSettings].map(encodeSettings),
      decode(bytes) {
        const field = new FieldReader(bytes, 0, bytes.length, 'settings', place);
        const stored = decodeSettings(field);
        field.finish();
        mustHold(Object.getPrototypeOf(stored) === null, 'settings with a prototype');
        mustHold(encodeSettings(stored).length > 0, 'settings that cannot be stored again');
        return true;
      },
    },
    {
      name: 'table in the manifest',
      seeds: tables.map((table) => encodeTable(table).slice()),
      decode(bytes) {
        const table = decodeTable(new FieldReader(bytes, 0, bytes.length, 'table', place));
        mustHold(table.smallest.length <= 65_535 && table.level < 32, 'an impossible table');
        return true;
      },
    },
  ];
}

/** Reads fields as whatever their bytes allow. */
function walkFields(bytes: Uint8Array, random: Prng): boolean {
  const fields = new FieldsReader(bytes, 0, bytes.length, 'fields', place);
  for (let field = fields.next(); field !== undefined; field = fields.next()) {
    switch (random.below(20)) {
      case 0:
        while (field.left > 0) field.number();
        break;
      case 1:
        field.text(field.left);
        break;
      case 2:
        field.rest(300);
        break;
      case 3:
        field.u32();
        field.skipRest();
        break;
      case 4:
        field.fileId();
        field.skipRest();
        break;
      default:
        field.skipRest();
    }
  }
  return true;
}

const nestedSettings = {
  __proto__: null,
  deep: [[[[[['six']]]]]],
  map: { a: { b: { c: { d: -1.5 } } } },
  numbers: [0, 1, 2 ** 53 - 1, -0, Infinity, 0.1],
  constructor: true,
} as never;

/** Every kind of field that an edit may hold. */
const fullEdit = {
  isSnapshotEnd: true,
  droppedKeyspaces: [3, 4],
  addedKeyspaces: [
    { id: 5, name: '__proto__' },
    { id: 6, name: 'é' },
  ],
  settings: [{ keyspaceId: 5, settings: { a: 1, b: 'text', c: [true, 1.5] } }],
  nextKeyspaceId: 9,
  lastSeq: 2 ** 40,
  flushedSeqs: [{ keyspaceId: 5, seq: 99 }],
  nextFileNumber: 1000,
  logNumber: 900,
  cleanClose: { logNumber: 900, syncedLength: 104 },
  removedTables: [{ keyspaceId: 5, fileNumber: 8 }],
  cursors: [{ keyspaceId: 5, level: 2, key: new Uint8Array(20) }],
  counters: [
    {
      keyspaceId: 5,
      counters: { userBytes: 1, walBytes: 2, flushBytes: 3, read: [0, 5], written: [9, 9] },
    },
  ],
};
