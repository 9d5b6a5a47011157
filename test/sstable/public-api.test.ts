import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Prng } from '../../src/base/prng.js';
import { MemoryFileSystem } from '../../src/fs/memory-file-system.js';
import {
  BlockCache,
  Entry,
  kindDelete,
  mergeEntries,
  SSTableBuilder,
  SSTableReader,
  type SSTableBuilderOptions,
  type SSTableRange,
} from '../../src/sstable.js';
import { bytesOf, testSeed } from './table-model.js';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nori-sstable-'));
});
afterAll(() => rm(directory, { recursive: true }));

const code = (name: string): unknown => expect.objectContaining({ code: name });
const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();

async function build(
  entries: Iterable<Entry>,
  options: Partial<SSTableBuilderOptions> = {},
): Promise<SSTableReader> {
  const fs = options.fs ?? new MemoryFileSystem();
  const builder = await SSTableBuilder.create({ path: 'table.sst', fs, ...options });
  for (const entry of entries) await builder.add(entry);
  await builder.finish();
  return SSTableReader.open(options.path ?? 'table.sst', { fs });
}

describe('SSTableBuilder and SSTableReader', () => {
  test('write and read a table on disk, with what the metadata promise', async () => {
    const path = join(directory, 'first.sst');
    const builder = await SSTableBuilder.create({ path, estimatedEntries: 3, compression: 'zstd' });
    await builder.add(Entry.put('apple', 'red', 5));
    await builder.add(Entry.delete('banana', 7));
    await builder.add(Entry.put('cherry', Uint8Array.of(1, 2, 3), 6));
    expect(builder.entries).toBe(3);
    const metadata = await builder.finish();
    expect(metadata).toMatchObject({
      path,
      entries: 3,
      tombstones: 1,
      smallest: bytesOf('apple'),
      largest: bytesOf('cherry'),
      smallestSeq: 5,
      largestSeq: 7,
      rawBytes: 5 + 3 + 6 + 6 + 3,
    });
    const reader = await SSTableReader.open(path, {
      blockCache: new BlockCache({ capacityBytes: 2 ** 20 }),
    });
    expect(reader.metadata).toEqual(metadata);
    expect(text((await reader.get('apple'))?.value)).toBe('red');
    expect(reader.getSync('apple', { seq: 4 })).toBeUndefined();
    expect(await reader.get('banana')).toMatchObject({ kind: kindDelete, seq: 7 });
    expect(reader.getSync('blueberry')).toBeUndefined();
    expect(reader.keyRangeContains('blueberry')).toBe(true);
    expect(reader.keyRangeContains('apple')).toBe(true);
    expect(reader.keyRangeContains('cherry')).toBe(true);
    expect(reader.keyRangeContains('appl')).toBe(false);
    expect(reader.keyRangeContains('cherry!')).toBe(false);
    expect((await reader.verify()).damages).toEqual([]);
    await reader.close();
    await reader.close();
    await expect(reader.get('apple')).rejects.toThrow(code('LSM_CLOSED'));
    expect(() => reader.getSync('apple')).toThrow(code('LSM_CLOSED'));
    expect(await readdir(directory)).toEqual(['first.sst']);
  });

  test('a table without entries is a table', async () => {
    const reader = await build([]);
    expect(reader.metadata).toMatchObject({ entries: 0, smallest: undefined, largest: undefined });
    expect(await reader.get('a')).toBeUndefined();
    expect(reader.keyRangeContains('')).toBe(false);
    expect([...reader]).toEqual([]);
    expect([...reader.entries({ reverse: true, gte: 'a' })]).toEqual([]);
    expect((await reader.verify()).damages).toEqual([]);
  });

  test('the bytes of an entry are the caller’s again after add, awaited or not', async () => {
    const fs = new MemoryFileSystem();
    const builder = await SSTableBuilder.create({ path: 't', fs, compression: 'none' });
    const key = new Uint8Array(4);
    const value = new Uint8Array(1000);
    const adding: Promise<void>[] = [];
    for (let i = 0; i < 5000; i++) {
      new DataView(key.buffer).setUint32(0, i);
      value.fill(i & 255);
      adding.push(builder.add({ key, seq: 0, kind: 0, value }));
    }
    await Promise.all(adding);
    await builder.finish();
    const reader = await SSTableReader.open('t', { fs });
    let i = 0;
    for (const entry of reader) {
      expect(new DataView(entry.key.buffer, entry.key.byteOffset).getUint32(0)).toBe(i);
      if (entry.value.length !== 1000 || entry.value.some((byte) => byte !== (i & 255))) {
        throw new Error(`entry ${i} has another value`);
      }
      i++;
    }
    expect(i).toBe(5000);
  });

  test('wrong order, wrong types and too long keys are refused and leave the table usable', async () => {
    const fs = new MemoryFileSystem();
    const builder = await SSTableBuilder.create({ path: 't', fs });
    await builder.add(Entry.put('b', '1', 5));
    await expect(builder.add(Entry.put('a', '1', 9))).rejects.toThrow(code('LSM_INVALID_ARGUMENT'));
    await expect(builder.add(Entry.put('b', '1', 5))).rejects.toThrow(code('LSM_INVALID_ARGUMENT'));
    await expect(builder.add(Entry.put('b', '1', 6))).rejects.toThrow(/newest version first/);
    await expect(builder.add(Entry.put('c', '1', -1))).rejects.toThrow(
      code('LSM_INVALID_ARGUMENT'),
    );
    await expect(builder.add({ ...Entry.put('c', ''), key: 'c' as never })).rejects.toThrow(
      /Uint8Array/,
    );
    const longKey = new Uint8Array(65_536).fill(99);
    await expect(builder.add(Entry.put(longKey, ''))).rejects.toThrow(code('LSM_TOO_LARGE'));
    expect(() =>
      builder.addSync({ ...Entry.put('c', ''), value: new Uint8Array(2 ** 28 + 1) }),
    ).toThrow(code('LSM_TOO_LARGE'));
    await builder.add(Entry.put('b', 'older', 4));
    builder.addSync(Entry.put(longKey.subarray(1), 'longest'));
    const metadata = await builder.finish();
    expect(metadata.entries).toBe(3);
    await expect(builder.add(Entry.put('z', ''))).rejects.toThrow(code('LSM_CLOSED'));
    await expect(builder.finish()).rejects.toThrow(code('LSM_CLOSED'));
    const reader = await SSTableReader.open('t', { fs });
    expect([...reader].map(({ seq }) => seq)).toEqual([5, 4, 0]);
    expect(text(reader.getSync('b', { seq: 4 })?.value)).toBe('older');
    expect(text(reader.getSync(longKey.subarray(1))?.value)).toBe('longest');
  });

  test('every wrong option is named in one error', async () => {
    const options = {
      path: '',
      compression: 'gzip',
      blockSizeBytes: 63,
      bloomBitsPerKey: 21,
      estimatedEntries: -1,
      blockSize: 4096,
    };
    const error: unknown = await SSTableBuilder.create(options as never).catch((e: unknown) => e);
    expect(error).toEqual(code('LSM_INVALID_ARGUMENT'));
    for (const name of Object.keys(options)) expect(String(error)).toContain(name);
  });

  test('abandon leaves nothing behind, and an unfinished table does not appear under its name', async () => {
    const fs = new MemoryFileSystem();
    const builder = await SSTableBuilder.create({ path: 't', fs });
    await builder.add(Entry.put('a', '1'));
    expect(await fs.stat('t')).toBeUndefined();
    await builder.abandon();
    await builder.abandon();
    expect(await fs.list('/')).toEqual([]);
    await expect(builder.finish()).rejects.toThrow(code('LSM_CLOSED'));
  });

  test('a full disk is LSM_NO_SPACE, then the table can only be abandoned', async () => {
    const fs = new MemoryFileSystem({ capacityBytes: 2 ** 20 });
    const builder = await SSTableBuilder.create({ path: 't', fs, compression: 'none' });
    const filling = async (): Promise<void> => {
      for (let i = 0; i < 5000; i++) {
        await builder.add(Entry.put(String(i).padStart(6, '0'), new Uint8Array(1000)));
      }
      await builder.finish();
    };
    await expect(filling()).rejects.toThrow(code('LSM_NO_SPACE'));
    await expect(builder.finish()).rejects.toThrow(code('LSM_CLOSED'));
    await builder.abandon();
    expect(await fs.list('/')).toEqual([]);
  });

  test('values of many MiB go through every codec', async () => {
    const prng = new Prng(1);
    for (const compression of ['none', 'lz4', 'zstd'] as const) {
      const random = Uint8Array.from({ length: 3 * 2 ** 20 }, () => prng.u32());
      const long = new Uint8Array(20 * 2 ** 20).fill(7);
      const reader = await build(
        [
          Entry.put('a', 'before'),
          Entry.put('b', random),
          Entry.put('c', long),
          Entry.put('d', 'after'),
        ],
        { compression },
      );
      for (let round = 0; round < 2; round++) {
        expect(Buffer.compare((await reader.get('b'))!.value, random)).toBe(0);
        expect(Buffer.compare(reader.getSync('c')!.value, long)).toBe(0);
        expect(text(reader.getSync('d')?.value)).toBe('after');
      }
      expect((await reader.verify()).damages).toEqual([]);
    }
  });

  test('many versions of one key, over many blocks, are found at each sequence number', async () => {
    const versions = Array.from({ length: 3000 }, (_, i) =>
      Entry.put('key', `v${3000 - i}`, 3000 - i),
    );
    const reader = await build([Entry.put('a', ''), ...versions, Entry.put('z', '')], {
      blockSizeBytes: 64,
    });
    for (let seq = 1; seq <= 3000; seq += 7) {
      expect(text(reader.getSync('key', { seq })?.value)).toBe(`v${seq}`);
    }
    expect(reader.getSync('key', { seq: 0 })).toBeUndefined();
  });

  test('get and iterate without synchronous calls of the file system', async () => {
    const fs = new MemoryFileSystem({ sync: false });
    const entries = Array.from({ length: 500 }, (_, i) =>
      Entry.put(String(i).padStart(5, '0'), `${i}`),
    );
    const reader = await build(entries, { fs, blockSizeBytes: 256 });
    const values = await Promise.all(entries.map(({ key }) => reader.get(key)));
    expect(values.map((entry) => text(entry?.value))).toEqual(
      entries.map(({ value }) => text(value)),
    );
    let count = 0;
    for await (const entry of reader.entries({ reverse: true })) {
      expect(text(entry.value)).toBe(`${499 - count++}`);
    }
    expect(count).toBe(500);
    const fresh = await SSTableReader.open('table.sst', { fs });
    expect(() => fresh.getSync('00007')).toThrow(code('LSM_UNSUPPORTED'));
  });
});

describe('ranges', () => {
  test('are what a filtered array is, in both directions, with seek and limit', async () => {
    const seed = testSeed();
    const prng = new Prng(seed);
    const keys = Array.from({ length: 200 }, (_, i) => `k${String(3 * i).padStart(3, '0')}`);
    const reader = await build(
      keys.map((key) => Entry.put(key, key)),
      { blockSizeBytes: 128 },
    );
    const randomKey = (): string => `k${String(prng.below(610)).padStart(3, '0')}`;
    for (let round = 0; round < 300; round++) {
      const range: Record<string, unknown> = {};
      for (const bound of ['gt', 'gte', 'lt', 'lte'])
        if (prng.chance(0.3)) range[bound] = randomKey();
      if (prng.chance(0.3)) range['limit'] = prng.below(20);
      range['reverse'] = prng.chance(0.5);
      const {
        gt,
        gte,
        lt,
        lte,
        limit = Infinity,
        reverse,
      } = range as SSTableRange & Record<string, string>;
      let expected = keys.filter((key) => !(key <= gt! || key < gte! || key >= lt! || key > lte!));
      if (reverse) expected = expected.reverse();
      const note = `NORI_SEED=${seed} ${JSON.stringify(range)}`;
      const found = [...reader.entries(range)].map(({ key }) => text(key));
      expect(found, note).toEqual(expected.slice(0, limit));
      const asynchronous: string[] = [];
      for await (const { key } of reader.entries(range)) asynchronous.push(text(key));
      expect(asynchronous, note).toEqual(found);
      const target = randomKey();
      const iterator = reader.iterator(range);
      iterator.seek(target);
      const sought = prng.chance(0.5) ? iterator.nextSync() : await iterator.next();
      const next = expected.find((key) => (reverse ? key <= target : key >= target));
      expect(text(sought?.key), `${note} seek ${target}`).toBe(limit === 0 ? '' : (next ?? ''));
      iterator.close();
    }
  });

  test('an iterator keeps its table readable after close, until it is closed itself', async () => {
    const reader = await build(
      Array.from({ length: 100 }, (_, i) => Entry.put(`${100 + i}`, '')),
      { blockSizeBytes: 64 },
    );
    const iterator = reader.iterator();
    expect(text((await iterator.next())?.key)).toBe('100');
    await reader.close();
    for (let i = 101; i < 200; i++) expect(text(iterator.nextSync()?.key)).toBe(`${i}`);
    expect(iterator.nextSync()).toBeUndefined();
    iterator.close();
    iterator.close();
    expect(() => iterator.nextSync()).toThrow(code('LSM_CLOSED'));
  });

  test('refuse a wrong bound, a wrong limit and a second next before the first is done', async () => {
    const fs = new MemoryFileSystem({ sync: false });
    const reader = await build([Entry.put('a', '')], { fs });
    expect(() => reader.iterator({ gt: 5 as never })).toThrow(code('LSM_INVALID_ARGUMENT'));
    expect(() => reader.iterator({ limit: -1 })).toThrow(code('LSM_INVALID_ARGUMENT'));
    const iterator = reader.iterator();
    const pending = iterator.next();
    await expect(iterator.next()).rejects.toThrow(code('LSM_BUSY'));
    expect(text((await pending)?.key)).toBe('a');
    iterator.close();
  });
});

describe('mergeEntries', () => {
  const keysOf = (entries: Iterable<Entry>): string[] =>
    [...entries].map(({ key, value }) => `${text(key)}=${text(value)}`);

  test('one entry per key, the newest source wins, deletions stay, empty sources do not matter', () => {
    const newest = [Entry.put('b', '3'), Entry.delete('d')];
    const middle = [Entry.put('a', '2'), Entry.put('b', '2'), Entry.put('d', '2')];
    const oldest = [
      Entry.put('a', '1'),
      Entry.put('c', '1'),
      Entry.put('d', '1'),
      Entry.put('e', '1'),
    ];
    const merged = mergeEntries([[], newest, [], middle, oldest, []]);
    expect(keysOf(merged)).toEqual(['a=2', 'b=3', 'c=1', 'd=', 'e=1']);
    expect([...merged][3].kind).toBe(kindDelete);
  });

  test('of several versions in one source the first counts', () => {
    const source = [Entry.put('a', 'new', 9), Entry.put('a', 'old', 3), Entry.put('b', 'x', 1)];
    expect(keysOf(mergeEntries([source]))).toEqual(['a=new', 'b=x']);
    expect(keysOf(mergeEntries([]))).toEqual([]);
  });

  test('random sources give what a map gives, asynchronously too', async () => {
    const seed = testSeed();
    const prng = new Prng(seed);
    for (let round = 0; round < 50; round++) {
      const sources = Array.from({ length: prng.below(12) }, (_, s) => {
        const keys = new Set(
          Array.from({ length: prng.below(30) }, () => `k${prng.below(40) + 10}`),
        );
        return [...keys].sort().map((key) => Entry.put(key, `${s}`));
      });
      const model = new Map<string, string>();
      for (const source of [...sources].reverse()) {
        for (const { key, value } of source) model.set(text(key), text(value));
      }
      const expected = [...model.keys()].sort().map((key) => `${key}=${model.get(key)}`);
      expect(keysOf(mergeEntries(sources)), `NORI_SEED=${seed}`).toEqual(expected);
      const mixed = sources.map((source, i) => (i % 2 === 0 ? source : later(source)));
      const found: Entry[] = [];
      for await (const entry of mergeEntries(mixed)) found.push(entry);
      expect(keysOf(found), `NORI_SEED=${seed}`).toEqual(expected);
    }
  });

  test('an unsorted source is refused, an asynchronous one in a plain loop too', () => {
    expect(() => keysOf(mergeEntries([[Entry.put('b', ''), Entry.put('a', '')]]))).toThrow(
      code('LSM_INVALID_ARGUMENT'),
    );
    expect(() => keysOf(mergeEntries([later([])]))).toThrow(code('LSM_INVALID_ARGUMENT'));
  });

  test('leaving the loop early closes the sources', () => {
    let closed = 0;
    function* source(): Generator<Entry> {
      try {
        for (let i = 10; i < 99; i++) yield Entry.put(`${i}`, '');
      } finally {
        closed++;
      }
    }
    for (const entry of mergeEntries([source(), source()])) if (text(entry.key) === '20') break;
    expect(closed).toBe(2);
  });

  test('compacts tables as the recipe does: readers are sources', async () => {
    const fs = new MemoryFileSystem();
    const older = await build([Entry.put('a', '1'), Entry.put('b', '1')], { fs, path: 'older' });
    const newer = await build([Entry.delete('b'), Entry.put('c', '2')], { fs, path: 'newer' });
    const output = await SSTableBuilder.create({ path: 'merged', fs });
    for await (const entry of mergeEntries([newer, older])) await output.add(entry);
    expect(await output.finish()).toMatchObject({ entries: 3, tombstones: 1 });
    const merged = await SSTableReader.open('merged', { fs });
    expect(keysOf(merged)).toEqual(['a=1', 'b=', 'c=2']);
  });
});

async function* later(entries: readonly Entry[]): AsyncGenerator<Entry> {
  for (const entry of entries) {
    await Promise.resolve();
    yield entry;
  }
}
