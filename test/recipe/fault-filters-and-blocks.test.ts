import { describe, expect, it } from 'vitest';
import { MemoryFileSystem, RecordingFileSystem } from '../../src/fs.js';
import { Entry, SSTableReader } from '../../src/sstable.js';
import { Engine } from './engine.js';
import { buildTable } from './tables.js';

const keys = [...new Array(50_000).keys()].map((i) => `key${1_000_000 + i}`);

describe('fault: a filter sized for 1,000 keys holding a million', () => {
  it.each([0, 1000])('a hint of %i entries, 50,000 come: filters still answer', async (hint) => {
    const fs = new MemoryFileSystem();
    const recording = new RecordingFileSystem(fs);
    const entries = keys.map((key) => Entry.put(key, ''));
    await buildTable(fs, 't.sst', entries, { estimatedEntries: hint, compression: 'none' });
    const reader = await SSTableReader.open('t.sst', { fs: recording, cachePriority: 'none' });
    reader.getSync(`${keys[0]}?`);
    recording.clear();
    let asked = 0;
    for (let i = 0; i < keys.length; i += 20, asked++) {
      expect(reader.getSync(`${keys[i]}?`)).toBeUndefined();
    }
    // A block is read for a false positive only: 0.8 % at 10 bits, 91 % and more with a filter for 1,000.
    expect(recording.lines.length).toBeLessThan(0.03 * asked);
    await reader.close();
  });

  it('a hint that is far too large makes no larger table', async () => {
    const sizes: number[] = [];
    for (const estimatedEntries of [0, 10_000_000]) {
      const fs = new MemoryFileSystem();
      const few = keys.slice(0, 100).map((key) => Entry.put(key, ''));
      sizes.push((await buildTable(fs, 't.sst', few, { estimatedEntries })).fileSize);
    }
    expect(sizes[1]).toBe(sizes[0]);
  });
});

describe('fault: `bitsPerKey: 0` making every key "not found"', () => {
  it('a table without a filter has all its keys', async () => {
    const fs = new MemoryFileSystem();
    const entries = keys.slice(0, 1000).map((key) => Entry.put(key, key));
    await buildTable(fs, 't.sst', entries, { bloomBitsPerKey: 0 });
    const reader = await SSTableReader.open('t.sst', { fs });
    for (const entry of entries) expect(reader.getSync(entry.key)).toEqual(entry);
    expect(reader.getSync('absent')).toBeUndefined();
    await reader.close();
  });

  it('a database without filters too', async () => {
    const engine = await Engine.open({ bloomBitsPerKey: 0 });
    for (let i = 0; i < 5; i++) await engine.flush({ a: `${i}`, [`k${i}`]: `${i}`, z: `${i}` });
    await engine.settle();
    await engine.flush({ a: '5', k5: '5' });
    const all = ['a', 'k0', 'k1', 'k2', 'k3', 'k4', 'k5', 'z'];
    expect(engine.db.getManySync(all)).toEqual(['5', '0', '1', '2', '3', '4', '5', '4']);
    await engine.close();
  });
});

describe("fault: a block bigger than the decompressor's limit", () => {
  const large = Buffer.alloc(17 * 2 ** 20, 'not quite the same again and again, ');
  const medium = large.subarray(0, 3 * 2 ** 20);

  it.each(['none', 'lz4', 'zstd'] as const)('values of many MiB come back (%s)', async (codec) => {
    const fs = new MemoryFileSystem();
    const entries = [
      Entry.put('a', 'small'),
      Entry.put('b', large),
      Entry.put('c', medium),
      Entry.put('d', 'small'),
    ];
    await buildTable(fs, 't.sst', entries, { compression: codec });
    const reader = await SSTableReader.open('t.sst', { fs });
    for (const { key, value } of entries) {
      expect(Buffer.compare(reader.getSync(key)!.value, value)).toBe(0);
    }
    expect((await reader.verify()).damages).toEqual([]);
    await reader.close();
  });

  it.each(['lz4', 'zstd'] as const)('so do blocks of the largest size (%s)', async (codec) => {
    const fs = new MemoryFileSystem();
    const entries = keys.map((key) => Entry.put(key, key.repeat(10)));
    await buildTable(fs, 't.sst', entries, { compression: codec, blockSizeBytes: 2 ** 22 });
    const reader = await SSTableReader.open('t.sst', { fs });
    let count = 0;
    for (const entry of reader) {
      if (Buffer.compare(entry.value, entries[count].value) !== 0) expect.fail(`entry ${count}`);
      count++;
    }
    expect(count).toBe(entries.length);
    await reader.close();
  });

  it('through the engine, with a memtable far smaller than the value', async () => {
    const engine = await Engine.open({ compression: 'lz4' });
    const value = 'some text '.repeat(500_000);
    for (let i = 0; i < 3; i++) await engine.flush({ big: `${i}${value}`, a: `${i}` });
    await engine.db.compactRange();
    await engine.reopen();
    expect(engine.db.getSync('big') === `2${value}`).toBe(true);
    await engine.close();
  });
});
