import { beforeEach, describe, expect, it } from 'vitest';
import { kindDelete } from '../base/internal-key.js';
import { BatchReader } from '../wal/batch-reader.js';
import { WriteBatch } from '../wal/write-batch.js';
import type { Durability } from './settings.js';
import { WaitingWrites, type WaitingChunk } from './waiting-writes.js';

let waiting: WaitingWrites;
beforeEach(() => {
  waiting = new WaitingWrites();
});

function batchOf(...operations: readonly (readonly [string, string?])[]): WriteBatch {
  const batch = new WriteBatch();
  for (const [key, value] of operations) {
    if (value === undefined) batch.delete(3, Buffer.from(key));
    else batch.put(3, Buffer.from(key), Buffer.from(value));
  }
  return batch;
}

function operationsOf({ batch }: WaitingChunk): string[] {
  const reader = new BatchReader();
  const found: string[] = [];
  batch.read(reader);
  while (reader.next()) {
    const key = Buffer.from(reader.keyBytes.subarray(reader.keyStart, reader.keyEnd)).toString();
    const { valueBytes, valueStart, valueEnd, kind, keyspaceId } = reader;
    const value = Buffer.from(valueBytes.subarray(valueStart, valueEnd)).toString();
    found.push(`${keyspaceId}:${key}${kind === kindDelete ? ' deleted' : `=${value}`}`);
  }
  return found;
}

function add(batch: WriteBatch, durability: Durability = 'os', nowMs = 0): Promise<void> {
  return waiting.add(batch, durability, nowMs);
}

describe('waiting writes', () => {
  it('leave in the order they came, small ones together', () => {
    void add(batchOf(['a', '1'], ['b', '2']), 'os', 5);
    void add(batchOf(['a']), 'os', 6);
    void add(batchOf(['c', '3']), 'disk', 7);
    void add(batchOf(['d', '4']), 'os', 8);
    expect(waiting.writes).toBe(4);
    const first = waiting.shift()!;
    expect(operationsOf(first)).toEqual(['3:a=1', '3:b=2', '3:a deleted']);
    expect([first.durability, first.sinceMs, first.writes]).toEqual(['os', 5, 2]);
    expect(operationsOf(waiting.shift()!)).toEqual(['3:c=3']);
    expect(operationsOf(waiting.shift()!)).toEqual(['3:d=4']);
    expect(waiting.shift()).toBeUndefined();
    expect([waiting.writes, waiting.bytes, waiting.isEmpty]).toEqual([0, 0, true]);
  });

  it('have bytes of their own, unless they are large: then the batch itself waits', () => {
    const small = batchOf(['a', '1']);
    void add(small);
    expect(waiting.tookBatch).toBe(false);
    small.clear();
    small.put(3, Buffer.from('z'), Buffer.from('other'));
    const large = batchOf(['b', 'x'.repeat(40_000)]);
    void add(large);
    expect(waiting.tookBatch).toBe(false);
    const larger = batchOf(['c', 'y'.repeat(200_000)]);
    void add(larger);
    expect(waiting.tookBatch).toBe(true);
    void add(batchOf(['d', '4']));
    expect(waiting.tookBatch).toBe(false);
    expect(operationsOf(waiting.shift()!).map((text) => text.length)).toEqual([5, 40_004]);
    const taken = waiting.shift()!;
    expect(taken.batch).toBe(larger);
    expect(operationsOf(waiting.shift()!)).toEqual(['3:d=4']);
  });

  it('of a chunk settle together, others by themselves', async () => {
    const settled: string[] = [];
    const follow = (name: string, promise: Promise<void>): Promise<void> =>
      promise.then(
        () => void settled.push(name),
        (error: Error) => void settled.push(`${name}: ${error.message}`),
      );
    const all = [
      follow('a', add(batchOf(['a', '1']))),
      follow('b', add(batchOf(['b', '1']))),
      follow('c', add(batchOf(['c', '1']), 'disk')),
    ];
    waiting.shift()!.resolve(Promise.resolve());
    await Promise.all(all.slice(0, 2));
    expect(settled).toEqual(['a', 'b']);
    waiting.rejectAll(new Error('closed'));
    await Promise.all(all);
    expect(settled).toEqual(['a', 'b', 'c: closed']);
    expect([waiting.writes, waiting.bytes, waiting.isEmpty]).toEqual([0, 0, true]);
  });

  it('count the memory they hold: small ones share what a chunk takes', () => {
    const batch = batchOf(['k'.repeat(16), 'v'.repeat(100)]);
    for (let i = 0; i < 10_000; i++) void add(batch);
    // What each caller keeps is counted too.
    expect(waiting.bytes).toBeGreaterThan(10_000 * (batch.byteLength + 300));
    expect(waiting.bytes).toBeLessThan(1.05 * 10_000 * (batch.byteLength + 300));
    let chunks = 0;
    while (waiting.shift() !== undefined) chunks++;
    expect(chunks).toBeLessThan(25);
  });

  it('that cannot share a chunk count what it takes', () => {
    const batch = batchOf(['k', 'v']);
    for (let i = 0; i < 100; i++) void add(batch, i % 2 === 0 ? 'os' : 'disk');
    expect(waiting.bytes).toBeGreaterThan(100 * 1024);
  });

  it('have a place up to a limit, one always', () => {
    const large = batchOf(['k', 'v'.repeat(50_000)]);
    expect(waiting.hasPlaceFor(large, 'os', 10)).toBe(true);
    void add(large);
    expect(waiting.hasPlaceFor(batchOf(['a', '1']), 'os', 50_000)).toBe(false);
    expect(waiting.hasPlaceFor(batchOf(['a', '1']), 'os', 60_000)).toBe(true);
    expect(waiting.hasPlaceFor(large, 'os', 60_000)).toBe(false);
  });

  it('are refused with one error until somebody leaves', () => {
    void add(batchOf(['a', '1']));
    const error = waiting.refusal(100);
    expect(error.code).toBe('LSM_BUSY');
    expect(error.message).toContain('maxQueuedBytes 100');
    expect(waiting.refusal(100)).toBe(error);
    waiting.shift();
    expect(waiting.refusal(100)).not.toBe(error);
  });

  it('hold a place without operations', () => {
    void add(batchOf(['a', '1']));
    void add(new WriteBatch(), 'none');
    expect(operationsOf(waiting.shift()!)).toEqual(['3:a=1']);
    const barrier = waiting.shift()!;
    expect([barrier.batch.count, barrier.durability]).toEqual([0, 'none']);
  });
});
