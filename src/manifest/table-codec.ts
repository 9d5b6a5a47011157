import { compareBytes } from '../base/bytes.js';
import { maxKeyBytes } from '../base/internal-key.js';
import type { TableMeta } from '../base/table-meta.js';
import { FieldWriter, type FieldReader, type ReservedTags } from './tlv.js';
import { maxLevels } from './version.js';

/*
 * table := fields, each once and by ascending tag:
 *    2 keyspace id      varint      16 smallest key        bytes
 *    4 level            varint      18 largest key         bytes
 *    6 run              varint      20 smallest seq        varint
 *    8 file number      varint      22 largest seq         varint
 *   10 table id         8           24 entries             varint
 *   12 size             varint      26 tombstones          varint
 *   14 table crc        u32         28 superseded entries  varint
 *                                   30 raw bytes           varint
 *                                   32 location            varint
 */
const reservedTags: ReservedTags = {
  34: 'slice',
  36: 'range-delete count',
  38: 'oldest expiry',
};

/** The file is in the database's directory; the only place there is today. */
const localLocation = 0;

export function encodeTable(table: TableMeta): Uint8Array {
  const fields = new FieldWriter();
  fields.numbers(2, table.keyspaceId);
  fields.numbers(4, table.level);
  fields.numbers(6, table.run);
  fields.numbers(8, table.fileNumber);
  fields.fileId(10, table.tableId);
  fields.numbers(12, table.size);
  fields.u32(14, table.checksum);
  fields.raw(16, table.smallest);
  fields.raw(18, table.largest);
  fields.numbers(20, table.smallestSeq);
  fields.numbers(22, table.largestSeq);
  fields.numbers(24, table.entries);
  fields.numbers(26, table.tombstones);
  fields.numbers(28, table.superseded);
  fields.numbers(30, table.rawBytes);
  fields.numbers(32, localLocation);
  return fields.finish();
}

/** @throws LsmError `LSM_CORRUPTION`, or `LSM_UNSUPPORTED_FORMAT` for a run, a place or a field of a newer version. */
export function decodeTable(field: FieldReader): TableMeta {
  const fields = field.fields('added table', reservedTags);
  const table: TableMeta = {
    keyspaceId: fields.require(2).number(),
    level: fields.require(4).number(maxLevels),
    run: fields.require(6).number(),
    fileNumber: fields.require(8).number(),
    tableId: fields.require(10).fileId(),
    size: fields.require(12).number(),
    checksum: fields.require(14).u32(),
    smallest: fields.require(16).rest(maxKeyBytes),
    largest: fields.require(18).rest(maxKeyBytes),
    smallestSeq: fields.require(20).number(),
    largestSeq: fields.require(22).number(),
    entries: fields.require(24).number(),
    tombstones: fields.require(26).number(),
    superseded: fields.require(28).number(),
    rawBytes: fields.require(30).number(),
  };
  const location = fields.require(32).number();
  fields.requireEnd();
  if (table.run !== 0) throw fields.unsupported(`run ${table.run} of a level`);
  if (location !== localLocation) throw fields.unsupported(`a table at location ${location}`);
  const name = `table ${table.fileNumber}`;
  if (compareBytes(table.smallest, table.largest) > 0) {
    fields.fail(`${name} has its smallest key above its largest`);
  }
  if (table.smallestSeq > table.largestSeq) {
    fields.fail(`${name} has its smallest sequence number above its largest`);
  }
  if (table.tombstones > table.entries || table.superseded > table.entries) {
    fields.fail(`${name} counts more tombstones or superseded entries than entries`);
  }
  return table;
}
