import { formatFileId } from '../base/checksum.js';
import { describeKey } from '../base/bytes.js';
import type { TableMeta } from '../base/table-meta.js';
import type { VersionEdit } from './version-edit.js';

/** An edit as text, one fact a line, in order of effect; for dumps and golden tests. */
export function describeEdit(edit: VersionEdit): string {
  const lines: string[] = [];
  for (const id of edit.droppedKeyspaces ?? []) lines.push(`keyspace ${id} dropped`);
  for (const { id, name } of edit.addedKeyspaces ?? []) {
    lines.push(`keyspace ${id} added: ${JSON.stringify(name)}`);
  }
  for (const { keyspaceId, settings } of edit.settings ?? []) {
    lines.push(`keyspace ${keyspaceId} settings: ${JSON.stringify(settings)}`);
  }
  if (edit.nextKeyspaceId !== undefined) lines.push(`next keyspace id ${edit.nextKeyspaceId}`);
  if (edit.lastSeq !== undefined) lines.push(`last seq ${edit.lastSeq}`);
  for (const { keyspaceId, seq } of edit.flushedSeqs ?? []) {
    lines.push(`keyspace ${keyspaceId} flushed up to seq ${seq}`);
  }
  if (edit.nextFileNumber !== undefined) lines.push(`next file number ${edit.nextFileNumber}`);
  if (edit.logNumber !== undefined) lines.push(`log number ${edit.logNumber}`);
  if (edit.cleanClose !== undefined) {
    const { logNumber, syncedLength } = edit.cleanClose;
    lines.push(`clean close: log ${logNumber} synced up to ${syncedLength}`);
  }
  for (const { keyspaceId, fileNumber } of edit.removedTables ?? []) {
    lines.push(`table ${fileNumber} removed from keyspace ${keyspaceId}`);
  }
  for (const table of edit.addedTables ?? []) lines.push(describeTable(table));
  for (const { keyspaceId, level, key } of edit.cursors ?? []) {
    lines.push(`keyspace ${keyspaceId} cursor of level ${level}: ${describeKey(key)}`);
  }
  for (const { keyspaceId, counters } of edit.counters ?? []) {
    const { userBytes, walBytes, flushBytes, read, written } = counters;
    const levels = read.map((bytes, level) => `, L${level} read ${bytes} wrote ${written[level]}`);
    lines.push(
      `keyspace ${keyspaceId} bytes: user ${userBytes}, wal ${walBytes}, flush ${flushBytes}${levels.join('')}`,
    );
  }
  if (edit.isSnapshotEnd === true) lines.push('end of the snapshot');
  return lines.map((line) => `${line}\n`).join('');
}

function describeTable(table: TableMeta): string {
  const range = `${describeKey(table.smallest)}…${describeKey(table.largest)}`;
  const counts = `${table.entries} entries (${table.tombstones} tombstones, ${table.superseded} superseded)`;
  return (
    `table ${table.fileNumber} added to keyspace ${table.keyspaceId} level ${table.level}: ${range}, ` +
    `seq ${table.smallestSeq}…${table.largestSeq}, ${counts}, ` +
    `${table.size} bytes (${table.rawBytes} raw), id ${formatFileId(table.tableId)}, ` +
    `crc ${table.checksum.toString(16).padStart(8, '0')}`
  );
}
