import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { editArbitrary } from '../../test/manifest/arbitraries.js';
import { bytes, table } from '../../test/manifest/fixtures.js';
import { isLsmError, LsmError } from '../base/errors.js';
import { describeEdit } from './describe-edit.js';
import { decodeEdit, encodeEdit } from './edit-codec.js';
import { FieldWriter } from './tlv.js';
import type { VersionEdit } from './version-edit.js';

const decode = (encoded: Uint8Array): VersionEdit => decodeEdit(encoded, 'MANIFEST-000005', 72);

function errorOf(run: () => unknown): LsmError {
  try {
    run();
  } catch (error) {
    if (error instanceof LsmError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** The encoding of one field by hand. */
function field(tag: number, ...content: number[]): Uint8Array {
  const fields = new FieldWriter();
  fields.raw(tag, Uint8Array.from(content));
  return fields.finish();
}

/** Every field there is. */
export const fullEdit: VersionEdit = {
  droppedKeyspaces: [2],
  addedKeyspaces: [{ id: 3, name: 'sessions' }],
  settings: [{ keyspaceId: 3, settings: { blockSizeBytes: 4096, compression: 'lz4' } }],
  nextKeyspaceId: 4,
  lastSeq: 900,
  flushedSeqs: [{ keyspaceId: 0, seq: 870 }],
  nextFileNumber: 1012,
  logNumber: 11,
  cleanClose: { logNumber: 11, syncedLength: 4096 },
  removedTables: [{ keyspaceId: 0, fileNumber: 7 }],
  addedTables: [
    table(12, 0, 'apple', 'pear', { smallestSeq: 801, largestSeq: 870, entries: 70 }),
    table(13, 2, Uint8Array.of(0, 255), Uint8Array.of(1)),
  ],
  cursors: [{ keyspaceId: 0, level: 2, key: bytes('melon') }],
  counters: [
    {
      keyspaceId: 0,
      counters: { userBytes: 1, walBytes: 2, flushBytes: 3, read: [0, 5], written: [0, 4] },
    },
  ],
};

describe('encodeEdit and decodeEdit', () => {
  test('any edit comes back as it was', () => {
    fc.assert(
      fc.property(editArbitrary, (edit) => {
        expect(decode(encodeEdit(edit))).toEqual(edit);
      }),
      { numRuns: 500 },
    );
  });

  test('what was decoded owns its bytes', () => {
    const encoded = encodeEdit(fullEdit).slice();
    const edit = decode(encoded);
    encoded.fill(0xee);
    expect(edit).toEqual(fullEdit);
  });

  test('any shortening or flipped bit gives an edit or a typed error, never anything else', () => {
    const encoded = encodeEdit(fullEdit);
    for (let end = 0; end < encoded.length; end++) tryDecode(encoded.slice(0, end));
    for (let bit = 0; bit < encoded.length * 8; bit++) {
      const flipped = encoded.slice();
      flipped[bit >>> 3] ^= 1 << (bit & 7);
      tryDecode(flipped);
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), tryDecode), { numRuns: 5000 });
  });

  test('a setting named like a prototype reaches none', () => {
    const settings = JSON.parse('{"__proto__": {"polluted": true}}') as Record<string, never>;
    const edit = decode(encodeEdit({ settings: [{ keyspaceId: 0, settings }] }));
    const decoded = edit.settings![0].settings;
    expect(Object.getPrototypeOf(decoded)).toBeNull();
    expect(Object.keys(decoded)).toEqual(['__proto__']);
    expect('polluted' in {}).toBe(false);
  });

  test('undefined settings are left out', () => {
    const edit = decode(encodeEdit({ settings: [{ keyspaceId: 0, settings: { a: undefined } }] }));
    expect(Object.keys(edit.settings![0].settings)).toEqual([]);
  });
});

function tryDecode(encoded: Uint8Array): void {
  try {
    decode(encoded);
  } catch (error) {
    if (isLsmError(error, 'LSM_CORRUPTION') || isLsmError(error, 'LSM_UNSUPPORTED_FORMAT')) return;
    throw error;
  }
}

describe('fields of other versions', () => {
  test('an unknown S tag is skipped', () => {
    expect(decode(field(99, 1, 2, 3))).toEqual({});
    expect(decode(field(9, 1, 2, 3))).toEqual({});
  });

  test.each([
    [30, 'tag 30 in manifest edit'],
    [26, 'tag 26 (blob file) in manifest edit'],
    [1_000_000, 'tag 1000000 in manifest edit'],
  ])('M tag %i is refused by name', (tag, message) => {
    const error = errorOf(() => decode(field(tag)));
    expect(error.code).toBe('LSM_UNSUPPORTED_FORMAT');
    expect(error.message).toContain(`MANIFEST-000005 holds ${message} at byte 72`);
    expect(error.file).toBe('MANIFEST-000005');
    expect(error.offset).toBe(72);
  });

  test.each([
    [34, 'tag 34 (slice) in added table'],
    [36, 'tag 36 (range-delete count) in added table'],
    [38, 'tag 38 (oldest expiry) in added table'],
    [40, 'tag 40 in added table'],
  ])('M tag %i in a table is refused by name', (tag, message) => {
    const error = errorOf(() => decode(tableWith(field(tag))));
    expect(error.code).toBe('LSM_UNSUPPORTED_FORMAT');
    expect(error.message).toContain(message);
  });

  test('an unknown S tag in a table is skipped', () => {
    expect(decode(tableWith(field(33, 1)))).toEqual({ addedTables: [table(5, 1, 'a', 'b')] });
  });

  test.each([
    ['another run', { run: 1 }, 'run 1'],
    ['a tag missing', {}, undefined],
  ])('%s', (_name, fields, message) => {
    const encoded = encodeEdit({ addedTables: [table(5, 1, 'a', 'b', fields)] });
    if (message === undefined) {
      // Tag 12 (size) becomes 11, which may be skipped: so it is missing.
      const at = encoded.findIndex((byte, i) => byte === 12 && encoded[i - 1] === 0 && i > 20);
      encoded[at] = 11;
      expect(errorOf(() => decode(encoded)).message).toContain('tag 12 is missing');
    } else {
      expect(errorOf(() => decode(encoded)).code).toBe('LSM_UNSUPPORTED_FORMAT');
    }
  });

  test('another key order, another location', () => {
    const order = errorOf(() => decode(field(6, 1, 1, 0x61)));
    expect(order.code).toBe('LSM_UNSUPPORTED_FORMAT');
    expect(order.message).toContain('key order 1');
    const encoded = encodeEdit({ addedTables: [table(5, 1, 'a', 'b')] }).slice();
    encoded[encoded.length - 1] = 1;
    expect(errorOf(() => decode(encoded)).message).toContain('location 1');
  });
});

/** A table with one more field behind its own. */
function tableWith(more: Uint8Array): Uint8Array {
  const encoded = encodeEdit({ addedTables: [table(5, 1, 'a', 'b')] });
  const body = encoded.subarray(2);
  const fields = new FieldWriter();
  fields.raw(22, body, more);
  return fields.finish();
}

describe('damage', () => {
  test.each([
    ['a tag twice', [...field(10, 1), ...field(10, 2)], 'tag 10 stands twice'],
    ['tags out of order', [...field(12, 0, 1), ...field(10, 2)], 'tag 10 stands after 12'],
    ['a length beyond the end', [10, 5, 1], 'tag 10 claims 5 bytes of 1'],
    ['a field cut off', [10], 'a field is cut off'],
    ['a number cut off', field(10, 0x80), 'a number is cut off'],
    ['bytes behind a number', field(10, 1, 2), '1 bytes too many'],
    ['bytes in the snapshot end', field(2, 1), '1 bytes too many'],
    ['a name of no bytes', field(6, 1, 0), 'a keyspace name of 0 bytes'],
    ['a name too long', field(6, 1, 0, ...new Array<number>(256).fill(0x61)), 'of 256 bytes'],
    ['a name that is not UTF-8', field(6, 1, 0, 0xff), 'text is not UTF-8'],
    ['a level too deep', field(24, 0, 32), '32 is not below 32'],
    ['a list that claims much', field(7, 0, 5, 0xff, 0xff, 0xff, 0x7f), 'is not below'],
    ['settings that are no map', field(7, 0, 1), 'settings are not a map'],
    ['an unknown kind of setting', field(7, 0, 9), 'no kind of setting 9'],
    ['counters of too many levels', field(25, 0, 0, 0, 0, 33), '33 is not below 33'],
  ])('%s', (_name, content, message) => {
    const error = errorOf(() => decode(Uint8Array.from(content)));
    expect(error.code).toBe('LSM_CORRUPTION');
    expect(error.message).toContain(message);
    expect(error.offset).toBe(72);
  });

  test.each([
    ['keys upside down', { smallest: bytes('c') }, 'smallest key above'],
    ['seqs upside down', { smallestSeq: 10 }, 'smallest sequence number above'],
    ['more tombstones than entries', { tombstones: 10 }, 'more tombstones'],
    ['a key too long', { largest: new Uint8Array(65_536).fill(0x7a) }, '65536 bytes where'],
  ])('a table with %s', (_name, fields, message) => {
    const encoded = encodeEdit({ addedTables: [table(5, 1, 'a', 'b', fields)] });
    expect(errorOf(() => decode(encoded)).message).toContain(message);
  });

  test('settings nested too deep', () => {
    const deep = [...new Array<number>(12).fill(0)].flatMap(() => [5, 1]);
    expect(errorOf(() => decode(field(7, 0, ...deep, 0))).message).toContain('nest deeper');
  });
});

describe('describeEdit', () => {
  test('every field is told', () => {
    expect(describeEdit({ ...fullEdit, isSnapshotEnd: true })).toMatchInlineSnapshot(`
      "keyspace 2 dropped
      keyspace 3 added: "sessions"
      keyspace 3 settings: {"blockSizeBytes":4096,"compression":"lz4"}
      next keyspace id 4
      last seq 900
      keyspace 0 flushed up to seq 870
      next file number 1012
      log number 11
      clean close: log 11 synced up to 4096
      table 7 removed from keyspace 0
      table 12 added to keyspace 0 level 0: "apple"…"pear", seq 801…870, 70 entries (1 tombstones, 0 superseded), 1000 bytes (900 raw), id 000000070000000c, crc 00c0ffee
      table 13 added to keyspace 0 level 2: 0x00ff…0x01, seq 1…9, 9 entries (1 tombstones, 0 superseded), 1000 bytes (900 raw), id 000000070000000d, crc 00c0ffee
      keyspace 0 cursor of level 2: "melon"
      keyspace 0 bytes: user 1, wal 2, flush 3, L0 read 0 wrote 0, L1 read 5 wrote 4
      end of the snapshot
      "
    `);
  });
});
