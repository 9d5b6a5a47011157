import { maxKeyBytes } from '../base/internal-key.js';
import { LsmError } from '../base/errors.js';
import type { TableMeta } from '../base/table-meta.js';
import { decodeSettings, encodeSettings } from './settings-codec.js';
import { decodeTable, encodeTable } from './table-codec.js';
import { FieldsReader, FieldWriter, type FieldReader, type ReservedTags } from './tlv.js';
import { maxLevels } from './version.js';
import {
  maxKeyspaceNameBytes,
  type AddedKeyspace,
  type CompactionCursor,
  type KeyspaceCounters,
  type RemovedTable,
  type VersionEdit,
} from './version-edit.js';

/*
 * edit := fields by ascending tag (see tlv.ts); those marked * may repeat
 *    2   snapshot end        nothing
 *    4 * keyspace drop       id varint
 *    6 * keyspace add        id varint, order id varint (0 = bytewise), name: UTF-8 up to the end
 *    7 * keyspace settings   id varint, map (see settings-codec.ts)
 *    8   next keyspace id    varint
 *   10   last sequence       varint
 *   12 * flushed seq         keyspace id varint, seq varint
 *   14   next file number    varint
 *   16   log number          varint
 *   18   clean close         log number varint, synced length varint
 *   20 * remove table        keyspace id varint, file number varint
 *   22 * add table           fields (see table-codec.ts)
 *   24 * compaction cursor   keyspace id varint, level varint, key: bytes up to the end
 *   25 * counters            keyspace id, user, wal, flush, levels: varints, then levels × (read, written)
 */
const tags = {
  snapshotEnd: 2,
  dropKeyspace: 4,
  addKeyspace: 6,
  settings: 7,
  nextKeyspaceId: 8,
  lastSeq: 10,
  flushedSeq: 12,
  nextFileNumber: 14,
  logNumber: 16,
  cleanClose: 18,
  removeTable: 20,
  addTable: 22,
  cursor: 24,
  counters: 25,
} as const;

const reservedTags: ReservedTags = { 26: 'blob file' };

/** Keys in bytewise order, the only one there is today. */
const bytewiseOrder = 0;

/** Longest record of a manifest, in bytes. */
export const maxEditBytes = 2 ** 28;

/** @throws LsmError `LSM_TOO_LARGE` above `maxEditBytes`. The bytes are the caller's. */
export function encodeEdit(edit: VersionEdit): Uint8Array {
  const fields = new FieldWriter();
  if (edit.isSnapshotEnd === true) fields.numbers(tags.snapshotEnd);
  for (const id of edit.droppedKeyspaces ?? []) fields.numbers(tags.dropKeyspace, id);
  for (const { id, name } of edit.addedKeyspaces ?? []) {
    fields.numbersAndBytes(tags.addKeyspace, [id, bytewiseOrder], new TextEncoder().encode(name));
  }
  for (const { keyspaceId, settings } of edit.settings ?? []) {
    fields.numbersAndBytes(tags.settings, [keyspaceId], encodeSettings(settings));
  }
  if (edit.nextKeyspaceId !== undefined) fields.numbers(tags.nextKeyspaceId, edit.nextKeyspaceId);
  if (edit.lastSeq !== undefined) fields.numbers(tags.lastSeq, edit.lastSeq);
  for (const { keyspaceId, seq } of edit.flushedSeqs ?? []) {
    fields.numbers(tags.flushedSeq, keyspaceId, seq);
  }
  if (edit.nextFileNumber !== undefined) fields.numbers(tags.nextFileNumber, edit.nextFileNumber);
  if (edit.logNumber !== undefined) fields.numbers(tags.logNumber, edit.logNumber);
  if (edit.cleanClose !== undefined) {
    fields.numbers(tags.cleanClose, edit.cleanClose.logNumber, edit.cleanClose.syncedLength);
  }
  for (const { keyspaceId, fileNumber } of edit.removedTables ?? []) {
    fields.numbers(tags.removeTable, keyspaceId, fileNumber);
  }
  for (const table of edit.addedTables ?? []) fields.raw(tags.addTable, encodeTable(table));
  for (const { keyspaceId, level, key } of edit.cursors ?? []) {
    fields.numbersAndBytes(tags.cursor, [keyspaceId, level], key);
  }
  for (const { keyspaceId, counters } of edit.counters ?? []) {
    fields.numbers(tags.counters, keyspaceId, ...counterNumbers(counters));
  }
  if (fields.length > maxEditBytes) {
    throw new LsmError('LSM_TOO_LARGE', `a manifest record of ${fields.length} bytes`);
  }
  return fields.finish();
}

function counterNumbers(counters: KeyspaceCounters): number[] {
  const { userBytes, walBytes, flushBytes, read, written } = counters;
  const levels = Math.max(read.length, written.length);
  const numbers = [userBytes, walBytes, flushBytes, levels];
  for (let level = 0; level < levels; level++) {
    numbers.push(read[level] ?? 0, written[level] ?? 0);
  }
  // They only ever grow, and one that is too large could not be read again.
  return numbers.map((bytes) => Math.min(bytes, Number.MAX_SAFE_INTEGER));
}

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

/**
 * `file` and `offset` (of the record) are for messages.
 * @throws LsmError `LSM_CORRUPTION`, or `LSM_UNSUPPORTED_FORMAT` naming a tag of a newer version.
 */
export function decodeEdit(bytes: Uint8Array, file: string, offset: number): VersionEdit {
  const place = { file, offset };
  if (bytes.length > maxEditBytes) {
    throw new LsmError('LSM_CORRUPTION', `${file}: a record of ${bytes.length} bytes`, place);
  }
  const fields = new FieldsReader(bytes, 0, bytes.length, 'manifest edit', place, reservedTags);
  const edit: Mutable<VersionEdit> = {};
  const lists = {
    droppedKeyspaces: [] as number[],
    addedKeyspaces: [] as AddedKeyspace[],
    settings: [] as NonNullable<VersionEdit['settings']>[number][],
    flushedSeqs: [] as NonNullable<VersionEdit['flushedSeqs']>[number][],
    removedTables: [] as RemovedTable[],
    addedTables: [] as TableMeta[],
    cursors: [] as CompactionCursor[],
    counters: [] as NonNullable<VersionEdit['counters']>[number][],
  };
  let previous = -1;
  for (let field = fields.next(); field !== undefined; field = fields.next()) {
    const isRepeated = fields.tag === previous;
    previous = fields.tag;
    switch (fields.tag) {
      case tags.dropKeyspace:
        lists.droppedKeyspaces.push(field.number());
        continue;
      case tags.addKeyspace:
        lists.addedKeyspaces.push(decodeAddedKeyspace(field, fields));
        continue;
      case tags.settings:
        lists.settings.push({ keyspaceId: field.number(), settings: decodeSettings(field) });
        continue;
      case tags.flushedSeq:
        lists.flushedSeqs.push({ keyspaceId: field.number(), seq: field.number() });
        continue;
      case tags.removeTable:
        lists.removedTables.push({ keyspaceId: field.number(), fileNumber: field.number() });
        continue;
      case tags.addTable:
        lists.addedTables.push(decodeTable(field));
        continue;
      case tags.cursor:
        lists.cursors.push({
          keyspaceId: field.number(),
          level: field.number(maxLevels),
          key: field.rest(maxKeyBytes),
        });
        continue;
      case tags.counters:
        lists.counters.push({ keyspaceId: field.number(), counters: decodeCounters(field) });
        continue;
    }
    if (isRepeated) fields.fail(`tag ${fields.tag} stands twice`);
    switch (fields.tag) {
      case tags.snapshotEnd:
        edit.isSnapshotEnd = true;
        break;
      case tags.nextKeyspaceId:
        edit.nextKeyspaceId = field.number();
        break;
      case tags.lastSeq:
        edit.lastSeq = field.number();
        break;
      case tags.nextFileNumber:
        edit.nextFileNumber = field.number();
        break;
      case tags.logNumber:
        edit.logNumber = field.number();
        break;
      case tags.cleanClose:
        edit.cleanClose = { logNumber: field.number(), syncedLength: field.number() };
        break;
      default:
        fields.skip(field);
    }
  }
  for (const [name, list] of Object.entries(lists)) {
    if (list.length > 0) Object.assign(edit, { [name]: list });
  }
  return edit;
}

function decodeAddedKeyspace(field: FieldReader, fields: FieldsReader): AddedKeyspace {
  const id = field.number();
  const order = field.number();
  if (order !== bytewiseOrder) throw fields.unsupported(`key order ${order}`);
  if (field.left === 0 || field.left > maxKeyspaceNameBytes) {
    field.fail(`a keyspace name of ${field.left} bytes`);
  }
  return { id, name: field.text(field.left) };
}

function decodeCounters(field: FieldReader): KeyspaceCounters {
  const userBytes = field.number();
  const walBytes = field.number();
  const flushBytes = field.number();
  const levels = field.number(maxLevels + 1);
  const read: number[] = [];
  const written: number[] = [];
  for (let level = 0; level < levels; level++) {
    read.push(field.number());
    written.push(field.number());
  }
  return { userBytes, walBytes, flushBytes, read, written };
}
