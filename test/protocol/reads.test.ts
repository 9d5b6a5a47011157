import { describe, expect, it } from 'vitest';
import { LateDisk, turns } from './late-disk.js';
import { makeStage, openText, settle } from './stage.js';

describe('a read', () => {
  it('finds what is in a memtable that is being flushed', async () => {
    const disk = new LateDisk();
    const db = await openText(disk);
    await settle(db);
    await db.put('k', '1');
    const held = disk.hold('sync', /\.sst$/);
    const flushed = db.flush();
    await turns();
    expect(db.stats().memtables.immutable).toBe(1);
    expect(db.getSync('k')).toBe('1');
    expect([...db.keysSync()]).toEqual(['k']);
    expect(await db.getMany(['k'])).toEqual(['1']);
    held.letGo();
    await flushed;
    expect(db.getSync('k')).toBe('1');
    await db.close();
  });

  it('asks L0 newest table first, also after reopening', async () => {
    const { memory } = makeStage();
    let db = await openText(memory);
    for (const value of ['1', '2', '3']) {
      await db.put('k', value);
      await db.flush();
    }
    expect(db.stats().levels[0].tables).toBe(3);
    for (let session = 0; session < 2; session++) {
      expect(db.getSync('k')).toBe('3');
      expect(await db.get('k')).toBe('3');
      expect([...db.entriesSync()]).toEqual([['k', '3']]);
      await db.close();
      db = await openText(memory);
    }
    await db.delete('k');
    await db.flush();
    expect(db.getSync('k')).toBeUndefined();
    await db.close();
  });

  it('sees one table set, however long it takes: a scan over a flush and a compaction', async () => {
    const db = await openText(makeStage().memory);
    const keys = Array.from({ length: 30 }, (_, i) => `k${100 + i}`);
    for (const key of keys) await db.put(key, 'old');
    await db.flush();
    const iterator = db.entriesSync();
    const seen = [iterator.next().value];
    for (const key of keys) await db.put(key, 'new');
    await db.delete(keys[20]);
    await db.compactRange();
    seen.push(...iterator);
    expect(seen).toEqual(keys.map((key) => [key, 'old']));
    expect([...db.entriesSync()]).toHaveLength(29);
    await db.close();
  });

  it('takes the newest of equal keys out of a merge, whatever sources it comes from', async () => {
    const db = await openText(makeStage().memory);
    await db.batch([...'abc'].map((key) => ({ type: 'put', key, value: '1' })));
    await db.flush();
    await db.compactRange();
    await db.batch([...'ab'].map((key) => ({ type: 'put', key, value: '2' })));
    await db.flush();
    await db.delete('a');
    const expected = [
      ['b', '2'],
      ['c', '1'],
    ];
    expect([...db.entriesSync()]).toEqual(expected);
    expect([...db.entriesSync({ reverse: true })]).toEqual(expected.toReversed());
    await db.compactRange();
    expect([...db.entriesSync()]).toEqual(expected);
    await db.close();
  });
});
