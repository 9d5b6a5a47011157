import { expect, it } from 'vitest';
import { LateDisk, turns } from './late-disk.js';
import {
  contentAfterPowerLoss,
  expectInOrder,
  makeStage,
  openText,
  pathsOf,
  settle,
} from './stage.js';

it('the first log of a session: its name and its header are durable before a record is written', async () => {
  const { calls } = makeStage();
  const db = await openText(calls);
  await db.put('k', '1');
  expectInOrder(
    calls.changes,
    /^create 000002\.log/,
    /^sync-directory \./,
    /^write 000002\.log 0\.\.104/,
    /^sync 000002\.log/,
    /^write 000002\.log 104\.\./,
  );
  await db.close();
});

it('the next log: the same, and nothing is written to it before the header is synced', async () => {
  const disk = new LateDisk();
  const { calls } = { calls: makeStage(disk).calls };
  const db = await openText(calls);
  await settle(db);
  calls.clear();
  const held = disk.hold('sync', /000003\.log$/);
  const value = 'x'.repeat(10_000);
  const writes = Array.from({ length: 8 }, (_, i) => db.put(`k${i}`, value));
  await turns();
  const ofNext = (): readonly string[] => calls.changes.filter((line) => /000003\.log/.test(line));
  expect(ofNext()).toEqual(['write 000003.log 0..104', 'sync 000003.log']);
  held.letGo();
  await Promise.all(writes);
  expect(ofNext()[2]).toMatch(/^write 000003\.log 104\.\./);
  await db.close();
});

it('a header that is damaged with records behind it is no crash', async () => {
  const { memory } = makeStage();
  const db = await openText(memory);
  await db.put('k', '1', { durability: 'disk' });
  const survivor = memory.clone();
  await db.close();
  const [log] = pathsOf(survivor, /000002\.log$/);
  const bytes = survivor.readBytes(log);
  bytes[40] ^= 1;
  survivor.writeBytes(log, bytes);
  expect(await contentAfterPowerLoss(survivor)).toBe('LSM_CORRUPTION');
});

it('a write is acknowledged as durable when it is on disk, not before', async () => {
  const disk = new LateDisk();
  const db = await openText(disk);
  await settle(db);
  const held = disk.hold('sync', /000002\.log$/);
  let acknowledged = '';
  const writes = ['a', 'b'].map((key) =>
    db.put(key, '1', { durability: 'disk' }).then(() => (acknowledged += key)),
  );
  await turns();
  expect(acknowledged).toBe('');
  held.letGo();
  await Promise.all(writes);
  expect(acknowledged).toBe('ab');
  expect(await contentAfterPowerLoss(disk)).toEqual({ a: '1', b: '1' });
  await db.close();
});

it('what is acknowledged as durable covers everything before it, of older logs too', async () => {
  const { memory } = makeStage();
  const db = await openText(memory, { maxImmutableMemtables: 8 });
  await settle(db);
  const value = 'x'.repeat(10_000);
  const keys = Array.from({ length: 16 }, (_, i) => `k${100 + i}`);
  for (const key of keys) db.putSync(key, value);
  expect(db.stats().log.files).toBeGreaterThan(1);
  db.putSync('last', '1', { durability: 'disk' });
  const content = await contentAfterPowerLoss(memory);
  expect(Object.keys(content)).toEqual([...keys, 'last']);
  await db.close();
});
