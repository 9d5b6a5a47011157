import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { writeU16, writeU32 } from '../../src/base/bytes.js';
import { checksumAt } from '../../src/base/checksum.js';
import { Entry } from '../../src/base/entry.js';
import { runSync } from '../../src/base/task.js';
import { MemoryFileSystem } from '../../src/fs/memory-file-system.js';
import { loadCodecs } from '../../src/sstable/codecs.js';
import { footerBytes } from '../../src/sstable/format.js';
import { decodeProperties, encodeProperties } from '../../src/sstable/properties.js';
import { TableReader } from '../../src/sstable/table-reader.js';
import { scanSync, show, testTableId, writeTable } from './table-model.js';

beforeAll(loadCodecs);

const fixture = readFileSync(new URL('fixtures/table-v1.sst', import.meta.url));
const entries = [
  Entry.put('apple', 'red', 5),
  Entry.delete('apricot', 7),
  Entry.put('banana', 'yellow', 6),
];

function openBytes(bytes: Uint8Array): TableReader {
  return runSync(TableReader.open({ fs: MemoryFileSystem.from([['t', bytes]]), path: 't' }));
}

/** The fixture with a change in its footer, checksum made good. */
function withFooter(change: (footer: Uint8Array) => void): Uint8Array {
  const bytes = Uint8Array.from(fixture);
  const at = bytes.length - footerBytes;
  const footer = bytes.subarray(at);
  change(footer);
  writeU32(footer, 52, checksumAt(footer.subarray(0, 52), testTableId, at));
  return bytes;
}

describe('the table format, version 1', () => {
  test('the committed table is readable', () => {
    const table = openBytes(fixture);
    expect(scanSync(table).map(show)).toEqual(entries.map(show));
    expect(runSync(table.verify()).damages).toEqual([]);
  });

  test('the writer still writes it, byte for byte', () => {
    const fs = new MemoryFileSystem();
    writeTable(fs, 't', entries);
    expect(Buffer.from(fs.readBytes('t')).toString('hex')).toBe(fixture.toString('hex'));
  });

  test('the example in docs/format/table.md is that table', () => {
    const page = readFileSync(new URL('../../docs/format/table.md', import.meta.url), 'utf8');
    const example = /```hex\n([\s\S]*?)```/.exec(page)![1];
    let hex = '';
    for (const line of example.trimEnd().split('\n')) {
      const [, offset, bytes] = /^([0-9a-f]{4}) {2}((?:[0-9a-f]{2} ?){1,16})/.exec(line)!;
      expect(parseInt(offset, 16), line).toBe(hex.length / 2);
      hex += bytes.replaceAll(' ', '');
    }
    expect(hex).toBe(fixture.toString('hex'));
  });

  test.each([
    ['a newer format version', (footer: Uint8Array) => writeU16(footer, 0, 2), /format version 2/],
    ['a feature it must know', (footer: Uint8Array) => writeU32(footer, 4, 8), /feature bits 0x8/],
    ['encryption', (footer: Uint8Array) => writeU32(footer, 12, 3), /encrypted with key 3/],
  ])('%s is refused by name', (_, change, message) => {
    const open = (): TableReader => openBytes(withFooter(change));
    expect(open).toThrow(expect.objectContaining({ code: 'LSM_UNSUPPORTED_FORMAT', file: 't' }));
    expect(open).toThrow(message);
  });

  test('a feature that may be ignored is ignored', () => {
    const bytes = withFooter((footer) => writeU32(footer, 8, 0xffff_ffff));
    expect(scanSync(openBytes(bytes))).toHaveLength(3);
  });

  test('properties: unknown odd tags are skipped, even ones and other index levels refused', () => {
    const { properties } = openBytes(fixture);
    const bytes = encodeProperties(properties);
    expect(decodeProperties(bytes, 't', 0)).toEqual(properties);
    const extended = (...more: number[]): Uint8Array => Uint8Array.from([...bytes, ...more]);
    expect(decodeProperties(extended(43, 1, 9), 't', 0)).toEqual(properties);
    const refused = expect.objectContaining({ code: 'LSM_UNSUPPORTED_FORMAT' });
    expect(() => decodeProperties(extended(44, 1, 9), 't', 0)).toThrow(refused);
    const indexLevels = bytes.findIndex(
      (byte, i) => byte === 28 && bytes[i + 1] === 1 && bytes[i + 3] === 30,
    );
    bytes[indexLevels + 2] = 3;
    expect(() => decodeProperties(bytes, 't', 0)).toThrow(/index levels 3/);
  });
});
