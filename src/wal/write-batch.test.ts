import { describe, expect, it } from 'vitest';
import { concatBytes, copyOf, equalBytes, toHex } from '../base/bytes.js';
import { isLsmError } from '../base/errors.js';
import { kindDelete, kindPut, maxKeyBytes, maxValueBytes } from '../base/internal-key.js';
import { Prng } from '../base/prng.js';
import { BatchReader, largeValueBytes } from './batch-reader.js';
import { BatchRecord } from './batch-record.js';
import { WriteBatch } from './write-batch.js';

const seed = Number(process.env.NORI_SEED ?? 20_262);
const text = (s: string): Uint8Array => new TextEncoder().encode(s);

interface Operation {
  readonly kind: number;
  readonly keyspaceId: number;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

function encoded(batch: WriteBatch): Uint8Array {
  const parts: Uint8Array[] = [];
  batch.writeTo({ addBytes: (bytes, start, end) => void parts.push(copyOf(bytes, start, end)) });
  return concatBytes(parts);
}

function operationsOf(reader: BatchReader): Operation[] {
  const found: Operation[] = [];
  while (reader.next()) {
    found.push({
      kind: reader.kind,
      keyspaceId: reader.keyspaceId,
      key: copyOf(reader.keyBytes, reader.keyStart, reader.keyEnd),
      value: copyOf(reader.valueBytes, reader.valueStart, reader.valueEnd),
    });
  }
  return found;
}

function readEncoded(bytes: Uint8Array, count: number): Operation[] {
  const reader = new BatchReader();
  reader.reset(bytes, 0, bytes.length, count, 'test.log', 100);
  return operationsOf(reader);
}

/** `toEqual` takes seconds for values of this size. */
function expectSame(found: readonly Operation[], expected: readonly Operation[]): void {
  expect(found.length).toBe(expected.length);
  found.forEach((operation, i) => {
    const { kind, keyspaceId, key, value } = expected[i];
    expect([operation.kind, operation.keyspaceId]).toEqual([kind, keyspaceId]);
    expect(equalBytes(operation.key, key) && equalBytes(operation.value, value)).toBe(true);
  });
}

describe('a write batch', () => {
  it('has the documented bytes', () => {
    const batch = new WriteBatch();
    batch.put(1, text('key'), text('value'));
    batch.delete(300, text(''));
    expect(toHex(encoded(batch))).toBe('0001036b65790576616c7565' + '01ac020000');
    expect(batch.count).toBe(2);
    expect(batch.byteLength).toBe(17);
  });

  it(`gives its operations back, from memory and encoded, again and again (NORI_SEED=${seed})`, () => {
    const random = new Prng(seed);
    const batch = new WriteBatch();
    const sizes = [0, 1, 47, 48, 127, 128, 5000, largeValueBytes - 1, largeValueBytes, 200_000];
    for (let round = 0; round < 20; round++) {
      batch.clear();
      expect([batch.count, batch.byteLength]).toEqual([0, 0]);
      const operations: Operation[] = [];
      for (let i = random.below(30); i >= 0; i--) {
        const keyspaceId = random.chance(0.5) ? 1 : random.u32();
        const key = new Uint8Array(random.chance(0.05) ? maxKeyBytes : random.below(40)).fill(i);
        const value = new Uint8Array(sizes[random.below(sizes.length)]).fill(round);
        if (random.chance(0.3)) {
          batch.delete(keyspaceId, key);
          operations.push({ kind: kindDelete, keyspaceId, key, value: new Uint8Array(0) });
        } else {
          batch.put(keyspaceId, key, value);
          operations.push({ kind: kindPut, keyspaceId, key, value: value.slice() });
          value.fill(255); // the batch has its own copy
        }
      }
      const reader = new BatchReader();
      batch.read(reader);
      expectSame(operationsOf(reader), operations);
      const bytes = encoded(batch);
      expect(bytes.length).toBe(batch.byteLength);
      expectSame(readEncoded(bytes, batch.count), operations);
    }
  });

  it('refuses what is too large and stays as it was', () => {
    const batch = new WriteBatch();
    batch.put(1, text('a'), text('b'));
    const before = encoded(batch);
    const longKey = new Uint8Array(maxKeyBytes + 1);
    const longValue = new Uint8Array(maxValueBytes + 1);
    for (const add of [
      () => batch.put(1, longKey, text('')),
      () => batch.delete(1, longKey),
      () => batch.put(1, text('a'), longValue),
    ]) {
      expect(add).toThrow(expect.objectContaining({ code: 'LSM_TOO_LARGE' }));
    }
    expect(equalBytes(encoded(batch), before)).toBe(true);
    expect(batch.count).toBe(1);
  });

  it('refuses to grow beyond its cap, large values included', () => {
    const batch = new WriteBatch(1_000_000);
    for (let i = 0; i < 4; i++) batch.put(1, text('k'), new Uint8Array(200_000));
    expect(() => batch.put(1, text('k'), new Uint8Array(200_000))).toThrow(
      expect.objectContaining({ code: 'LSM_TOO_LARGE' }),
    );
    expect(batch.count).toBe(4);
    while (batch.byteLength < 1_000_000 - 5) batch.delete(1, text(''));
    expect(() => batch.put(1, text('k'), text('12'))).toThrow('batch of 1000003 bytes');
    expect(encoded(batch).length).toBe(batch.byteLength);
  });
});

describe('decoding a batch', () => {
  const decode = (bytes: readonly number[], count = 1): unknown => {
    try {
      return readEncoded(Uint8Array.from(bytes), count).length;
    } catch (error) {
      expect(error).toMatchObject({ file: 'test.log', offset: 100 });
      return isLsmError(error) ? error.code : error;
    }
  };

  it('refuses unknown kinds, by what they are', () => {
    for (const kind of [2, 3, 4, 5, 6])
      expect(decode([kind, 1, 0, 0])).toBe('LSM_UNSUPPORTED_FORMAT');
    for (const kind of [7, 128, 255]) expect(decode([kind, 1, 0, 0])).toBe('LSM_CORRUPTION');
    expect(decode([0, 1, 0, 0])).toBe(1);
  });

  it('refuses wrong counts, lengths and deletes with a value', () => {
    expect(decode([0, 1, 0, 0], 2)).toBe('LSM_CORRUPTION');
    expect(decode([0, 1, 0, 0, 0], 1)).toBe('LSM_CORRUPTION');
    expect(decode([0, 1, 2, 65], 1)).toBe('LSM_CORRUPTION');
    expect(decode([0, 1, 0, 2, 65], 1)).toBe('LSM_CORRUPTION');
    expect(decode([1, 1, 0, 1, 65], 1)).toBe('LSM_CORRUPTION');
    expect(decode([0, 1, 0x80, 0x80, 0x04], 1)).toBe('LSM_CORRUPTION'); // key of 2^16
    expect(decode([0, 1, 0, 0x81, 0x80, 0x80, 0x80, 0x01], 1)).toBe('LSM_CORRUPTION'); // value of 2^28 + 1
    expect(decode([0, 255, 255, 255, 255, 255, 255, 255, 255, 1], 1)).toBe('LSM_CORRUPTION');
  });

  it(`ends in a typed error or in operations whatever the bytes are (NORI_SEED=${seed})`, () => {
    const random = new Prng(seed + 1);
    const batch = new WriteBatch();
    for (let i = 0; i < 5; i++) batch.put(i, text(`key ${i}`), text(`value ${i}`));
    const base = encoded(batch);
    const codes = new Set<unknown>();
    for (let round = 0; round < 5000; round++) {
      const size = random.below(base.length + 10);
      const bytes = new Uint8Array(size);
      bytes.set(base.subarray(0, Math.min(size, base.length)));
      for (let flips = random.below(4); flips > 0 && size > 0; flips--) {
        bytes[random.below(size)] = random.chance(0.3) ? 255 : random.u32();
      }
      codes.add(decode([...bytes], 1 + random.below(6)));
    }
    expect([...codes].filter((code) => typeof code !== 'number').sort()).toEqual([
      'LSM_CORRUPTION',
      'LSM_UNSUPPORTED_FORMAT',
    ]);
  });
});

describe('decoding a batch record', () => {
  const decode = (bytes: readonly number[], offset = 1000): unknown => {
    const record = new BatchRecord();
    try {
      const isBatch = record.decode(Uint8Array.from(bytes), 0, bytes.length, 'test.log', offset);
      return isBatch ? { ...record } : 'skipped';
    } catch (error) {
      expect(error).toMatchObject({ file: 'test.log', offset });
      return isLsmError(error) ? error.code : error;
    }
  };
  const synced = (offset: number): number[] => [offset & 255, offset >> 8, 0, 0, 0, 0, 0, 0];

  it('reads head and place of the operations', () => {
    expect(decode([1, ...synced(500), 7, 2, 0, 9, 9])).toEqual({
      syncedOffset: 500,
      firstSeq: 7,
      count: 2,
      operationsStart: 12,
    });
  });

  it('skips what may be skipped and refuses what may not', () => {
    expect(decode([128, ...synced(500), 1, 2, 3])).toBe('skipped');
    expect(decode([255, ...synced(0)])).toBe('skipped');
    expect(decode([2, ...synced(0), 1, 1, 0])).toBe('LSM_UNSUPPORTED_FORMAT');
    expect(decode([1, ...synced(0), 1, 1, 3, 7, 1, 0])).toMatchObject({ operationsStart: 15 });
    expect(decode([1, ...synced(0), 1, 1, 3, 8, 1, 0])).toBe('LSM_UNSUPPORTED_FORMAT');
    expect(decode([0, ...synced(0), 1, 1, 0])).toBe('LSM_CORRUPTION');
    expect(decode([1, ...synced(1001), 1, 1, 0])).toBe('LSM_CORRUPTION');
    expect(decode([128, ...synced(0).fill(255)])).toBe('LSM_CORRUPTION');
    expect(decode([1, ...synced(0), 0, 1, 0])).toBe('LSM_CORRUPTION');
    expect(decode([1, ...synced(0), 1, 0, 0])).toBe('LSM_CORRUPTION');
    expect(decode([1, ...synced(0), 1, 1, 9])).toBe('LSM_CORRUPTION');
    expect(decode([1, ...synced(0), 1, 1, 2, 7, 1])).toBe('LSM_CORRUPTION');
    const record = [1, ...synced(0), 1, 1, 0];
    for (let size = 0; size < record.length; size++) {
      expect(decode(record.slice(0, size))).toBe('LSM_CORRUPTION');
    }
  });
});
