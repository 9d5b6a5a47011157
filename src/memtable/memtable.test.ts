import { describe, expect, it } from 'vitest';
import { copyOf, emptyBytes } from '../base/bytes.js';
import { kindDelete, kindPut, maxSeq, type EntryKind } from '../base/internal-key.js';
import { CursorEntry } from '../iterator/cursor.js';
import { ArenaPool, minArenaBytes } from './arena-pool.js';
import { Memtable } from './memtable.js';

const encoder = new TextEncoder();

function add(
  memtable: Memtable,
  key: string | Uint8Array,
  seq: number,
  value: string | Uint8Array = `v${seq}`,
  kind: EntryKind = kindPut,
): void {
  const keyBytes = typeof key === 'string' ? encoder.encode(key) : key;
  const valueBytes = typeof value === 'string' ? encoder.encode(value) : value;
  memtable.add(keyBytes, 0, keyBytes.length, seq, kind, valueBytes, 0, valueBytes.length);
}

function get(memtable: Memtable, key: string, seq = maxSeq): CursorEntry | undefined {
  const keyBytes = encoder.encode(key);
  const entry = new CursorEntry();
  return memtable.get(keyBytes, 0, keyBytes.length, seq, entry) ? entry : undefined;
}

function getText(memtable: Memtable, key: string, seq = maxSeq): string | undefined {
  const entry = get(memtable, key, seq);
  if (entry === undefined) return undefined;
  return Buffer.from(copyOf(entry.valueBytes, entry.valueStart, entry.valueEnd)).toString();
}

const smallPool = (): ArenaPool => new ArenaPool({ arenaBytes: minArenaBytes });

describe('Memtable', () => {
  it('takes no memory before the first entry', () => {
    const pool = new ArenaPool();
    const memtable = new Memtable(pool);
    expect(get(memtable, 'a')).toBeUndefined();
    const cursor = memtable.cursor();
    expect([cursor.first(), cursor.valid, cursor.last(), cursor.valid]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect([cursor.seek(emptyBytes, maxSeq), cursor.valid]).toEqual([true, false]);
    expect([cursor.seekBefore(emptyBytes, 0), cursor.valid]).toEqual([true, false]);
    expect(memtable.freeze().buffers).toEqual([]);
    expect(memtable.usedBytes).toBe(0);
    expect(pool.usedBytes).toBe(0);
    memtable.release();
  });

  it('lets a cursor opened on an empty memtable see what comes', () => {
    const memtable = new Memtable(smallPool());
    const cursor = memtable.cursor();
    add(memtable, 'a', 1);
    cursor.first();
    expect(cursor.valid).toBe(true);
  });

  it('finds the version a reader may see', () => {
    const memtable = new Memtable(smallPool());
    add(memtable, 'k', 5, 'five');
    add(memtable, 'k', 9, emptyBytes, kindDelete);
    add(memtable, 'k', maxSeq, 'newest');
    expect(getText(memtable, 'k', 4)).toBeUndefined();
    expect(getText(memtable, 'k', 5)).toBe('five');
    expect(getText(memtable, 'k', 8)).toBe('five');
    expect(get(memtable, 'k', 9)).toMatchObject({ kind: kindDelete, seq: 9 });
    expect(getText(memtable, 'k', maxSeq - 1)).toBe('');
    expect(get(memtable, 'k')).toMatchObject({ kind: kindPut, seq: maxSeq });
    expect(getText(memtable, 'k')).toBe('newest');
  });

  it('counts entries, tombstones, bytes and sequence numbers', () => {
    const memtable = new Memtable(smallPool());
    expect([memtable.smallestSeq, memtable.largestSeq]).toEqual([0, 0]);
    add(memtable, 'bb', 7, 'xyz');
    add(memtable, 'a', 3, emptyBytes, kindDelete);
    add(memtable, 'bb', 2 ** 40, 'w');
    expect(memtable.entries).toBe(3);
    expect(memtable.tombstones).toBe(1);
    expect(memtable.rawBytes).toBe(5 + 1 + 3);
    expect([memtable.smallestSeq, memtable.largestSeq]).toEqual([3, 2 ** 40]);
  });

  it('refuses a version that is not newer, and anything after freeze or release', () => {
    const memtable = new Memtable(smallPool());
    add(memtable, 'k', 5);
    expect(() => add(memtable, 'k', 5)).toThrow('oldest first');
    expect(() => add(memtable, 'k', 4)).toThrow('oldest first');
    expect(() => add(memtable, 'k', 2 ** 53)).toThrow('safe integer');
    expect(() => add(memtable, new Uint8Array(65_536), 6)).toThrow('65,535');
    memtable.freeze();
    expect(() => add(memtable, 'k', 6)).toThrow('active');
    expect(getText(memtable, 'k')).toBe('v5');
    memtable.release();
    memtable.release();
    expect(() => get(memtable, 'k')).toThrow('released');
    expect(() => memtable.cursor()).toThrow('released');
    expect(() => memtable.freeze()).toThrow('released');
  });

  it('keeps large keys and values in buffers of their own', () => {
    const pool = smallPool();
    const memtable = new Memtable(pool);
    const key = new Uint8Array(65_535).fill(0xff);
    const value = new Uint8Array(300_000).map((_, i) => i * 7);
    memtable.add(key, 0, key.length, 1, kindPut, value, 0, value.length);
    memtable.add(key, 0, 65_534, 2, kindPut, value, 10, 65_546);
    memtable.add(key, 0, key.length, 3, kindPut, value, 1, 2);
    memtable.add(key, 0, 1, 4, kindPut, value, 0, 65_535);
    memtable.add(key, 0, 1, 5, kindPut, value, 0, 65_534);
    expect(memtable.usedBytes).toBeGreaterThan(memtable.rawBytes);
    expect(memtable.usedBytes).toBeLessThan(memtable.rawBytes + minArenaBytes);
    const entry = new CursorEntry();
    const read = (end: number, seq: number): Uint8Array => {
      expect(memtable.get(key, 0, end, seq, entry)).toBe(true);
      return copyOf(entry.valueBytes, entry.valueStart, entry.valueEnd);
    };
    expect(Buffer.compare(read(65_535, 2), value)).toBe(0);
    expect(Buffer.compare(read(65_534, 2), value.subarray(10, 65_546))).toBe(0);
    expect(read(65_535, 3)).toEqual(value.slice(1, 2));
    expect(Buffer.compare(read(1, 4), value.subarray(0, 65_535))).toBe(0);
    expect(Buffer.compare(read(1, 5), value.subarray(0, 65_534))).toBe(0);
    expect(entry.keyEnd - entry.keyStart).toBe(1);
    memtable.release();
    expect(pool.usedBytes).toBe(0);
    expect(pool.pooledBytes).toBe(minArenaBytes);
  });

  it('may begin with a large value', () => {
    const memtable = new Memtable(smallPool());
    add(memtable, 'k', 1, new Uint8Array(50_000).fill(9));
    add(memtable, 'a', 2);
    expect(get(memtable, 'k')).toMatchObject({ seq: 1 });
    expect(getText(memtable, 'a')).toBe('v2');
  });

  it.each(['ascending', 'descending', 'both ends in turn'])(
    'fills its leaves with %s keys',
    (order) => {
      const memtable = new Memtable(smallPool());
      const count = 20_000;
      for (let i = 0; i < count; i++) {
        const outward = i % 2 === 0 ? count + i : count - i;
        const n = order === 'ascending' ? i : order === 'descending' ? count - i : outward;
        add(memtable, `user:${String(n).padStart(12, '0')}`, i + 1, 'value');
      }
      // 12 bytes of record, 12 of slot, 2 of padding, and a few for the nodes.
      expect((memtable.usedBytes - memtable.rawBytes) / count).toBeLessThan(30);
      const cursor = memtable.cursor();
      let seen = 0;
      let previous = '';
      for (cursor.first(); cursor.valid; cursor.next()) {
        const { keyBytes, keyStart, keyEnd } = cursor.entry;
        const key = Buffer.from(copyOf(keyBytes, keyStart, keyEnd)).toString();
        expect(key > previous).toBe(true);
        previous = key;
        seen++;
      }
      expect(seen).toBe(count);
    },
  );

  it('holds 100,000 versions of one key, and walks them both ways', () => {
    const memtable = new Memtable(new ArenaPool({ arenaBytes: 2 ** 20 }));
    const count = 100_000;
    for (let seq = 1; seq <= count; seq++) add(memtable, 'counter', 2 * seq);
    for (const seq of [2, 3, 4, 65_535, 65_536, 131_072, 131_073, 2 * count]) {
      expect(get(memtable, 'counter', seq)?.seq).toBe(seq - (seq % 2));
    }
    expect(get(memtable, 'counter', 1)).toBeUndefined();
    const cursor = memtable.cursor();
    cursor.last();
    for (let seq = 1; seq <= count; seq++, cursor.prev()) {
      if (cursor.entry.seq !== 2 * seq) expect(cursor.entry.seq).toBe(2 * seq);
    }
    expect(cursor.valid).toBe(false);
  });

  it('leaves no trace of a failed allocation', () => {
    class FailingPool extends ArenaPool {
      isFull = false;
      override acquire(): SharedArrayBuffer {
        if (this.isFull) throw new RangeError('no memory');
        return super.acquire();
      }
    }
    const pool = new FailingPool({ arenaBytes: minArenaBytes });
    const memtable = new Memtable(pool);
    pool.isFull = true;
    expect(() => add(memtable, 'first', 1)).toThrow('no memory');
    let added = 0;
    let failures = 0;
    // Values of 0–40 bytes, so that memory also ends in the middle of a split.
    for (let i = 0; i < 30_000; i++) {
      pool.isFull = i % 2 === 0;
      const key = `k${(i * 7919) % 30_011}`;
      const before = memtable.entries;
      try {
        add(memtable, key, i + 1, 'x'.repeat(i % 41));
        added++;
      } catch {
        failures++;
        expect(memtable.entries).toBe(before);
        expect(get(memtable, key)).toBeUndefined();
        pool.isFull = false;
        add(memtable, key, i + 1, 'x'.repeat(i % 41));
        added++;
      }
    }
    expect(failures).toBeGreaterThan(5);
    let seen = 0;
    const cursor = memtable.cursor();
    for (cursor.first(); cursor.valid; cursor.next()) seen++;
    expect(seen).toBe(added);
  });
});
