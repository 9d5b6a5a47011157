import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { Prng } from '../../src/base/prng.js';
import { MemoryFileSystem } from '../../src/fs.js';
import {
  open,
  type Database,
  type DatabaseListeners,
  type ForgottenEvent,
  type OpenOptions,
} from '../../src/index.js';
import { eventually } from '../support/gated-disk.js';

const text = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const;

function openText(
  fs: MemoryFileSystem,
  options: Omit<OpenOptions, 'keyEncoding' | 'valueEncoding'> = {},
): Promise<Database<string, string>> {
  return open('/db', { fs, ...text, memtableBytes: 64 * 1024, ...options });
}

/** Writes down what it hears, in order. */
function listening(): {
  readonly heard: [string, unknown][];
  readonly listeners: DatabaseListeners;
} {
  const heard: [string, unknown][] = [];
  const names = ['lock', 'recovery', 'flush', 'compaction', 'stall', 'closed'] as const;
  const listeners = Object.fromEntries(
    names.map((name) => [name, (event: unknown) => heard.push([name, event])]),
  ) as DatabaseListeners;
  return { heard, listeners };
}

describe('listeners given to open', () => {
  it('hear of the lock and of what was recovered, before open settles', async () => {
    const fs = new MemoryFileSystem();
    const first = await openText(fs);
    const x = await first.keyspace('x');
    await first.put('k', 'v');
    await x.batch([
      { type: 'put', key: 'k', value: 'v' },
      { type: 'put', key: 'k', value: 'v', keyspace: first },
    ]);
    const disk = fs.crash({ keep: 1, random: new Prng(1) });
    await first.close().catch(() => undefined);
    const { heard, listeners } = listening();
    const db = await openText(disk, { listeners });
    expect(heard).toEqual([
      ['lock', { state: 'acquired', waitedMs: expect.any(Number) as number }],
      ['recovery', db.recovery],
    ]);
    expect(db.recovery).toMatchObject({
      logsReplayed: 1,
      batchesReplayed: 2,
      tornLog: undefined,
      tornManifest: undefined,
      orphansRemoved: 0,
      lostTables: 0,
    });
    await (await db.keyspace('x')).put('k', 'v2');
    await db.flush();
    await db.close();
    expect(heard.slice(2).map(([name]) => name)).toEqual(['flush', 'flush', 'lock', 'closed']);
    expect(heard.at(-2)).toEqual(['lock', { state: 'released', waitedMs: 0 }]);
    expect(heard.at(-1)).toEqual(['closed', { path: '/db' }]);
  });

  it('hear of a torn log: what was cut', async () => {
    const fs = new MemoryFileSystem();
    const first = await openText(fs, { syncIntervalMs: 0 });
    await first.put('k', 'v', { durability: 'disk' });
    await first.put('torn', 'v');
    const files = fs.crash({ keep: 1, random: new Prng(1) }).snapshotFiles();
    await first.close().catch(() => undefined);
    const [log, bytes] = [...files].find(
      ([path, { length }]) => path.endsWith('.log') && length > 0,
    )!;
    files.set(log, bytes.subarray(0, bytes.length - 1));
    const { heard, listeners } = listening();
    const db = await openText(MemoryFileSystem.from(files), { listeners });
    expect(heard[1]).toMatchObject(['recovery', { batchesReplayed: 1, tornLog: { file: log } }]);
    expect([...db.keysSync()]).toEqual(['k']);
    await db.close();
  });

  it('must be functions of known events', async () => {
    const wrong = { flush: 7 } as unknown as DatabaseListeners;
    await expect(openText(new MemoryFileSystem(), { listeners: wrong })).rejects.toMatchObject({
      code: 'LSM_INVALID_ARGUMENT',
    });
  });
});

describe('channels', () => {
  it('tell of every database, with its path, while somebody has subscribed', async () => {
    const heard: unknown[] = [];
    const note = (message: unknown): void => void heard.push(message);
    const db = await openText(new MemoryFileSystem());
    const x = await db.keyspace('x');
    await x.put('k', 'v');
    subscribe('nori-lsm:flush', note);
    subscribe('nori-lsm:compaction', note);
    await db.flush();
    await x.put('k', 'v2');
    await x.compactRange();
    unsubscribe('nori-lsm:flush', note);
    unsubscribe('nori-lsm:compaction', note);
    await x.put('k', 'v3');
    await db.flush();
    await db.close();
    const [first, second, third] = heard as { path: string; keyspace: string; entries?: number }[];
    expect(heard.length).toBe(3);
    expect(first).toMatchObject({ path: '/db', keyspace: 'x', entries: 1, tombstones: 0 });
    expect(second).toMatchObject({ path: '/db', keyspace: 'x', entries: 1 });
    expect(third).toMatchObject({ path: '/db', keyspace: 'x', trivialMove: false, inputTables: 2 });
  });
});

describe('what is forgotten', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;

  async function whenForgotten(events: readonly ForgottenEvent[], count: number): Promise<void> {
    await eventually(() => {
      collect();
      return events.length >= count;
    });
  }

  it('is reported and lets go: snapshots, iterators of both kinds, also with a signal', async () => {
    const fs = new MemoryFileSystem();
    const db = await openText(fs);
    const events: ForgottenEvent[] = [];
    db.on('forgotten', (event) => events.push(event));
    const x = await db.keyspace('x');
    await x.put('k', 'v');
    await db.flush();
    const { signal } = new AbortController();
    await (async () => {
      x.keysSync().next();
      await x.entries().next();
      db.entries({ signal });
      x.snapshot();
    })();
    const kept = x.keysSync();
    expect(db.stats().iterators.length).toBe(4);
    expect(db.stats().snapshots.length).toBe(1);
    await whenForgotten(events, 4);
    expect(events.map(({ kind }) => kind).sort()).toEqual([
      'iterator',
      'iterator',
      'iterator',
      'snapshot',
    ]);
    expect(events.every(({ ageMs }) => ageMs >= 0)).toBe(true);
    expect(db.stats().iterators.length).toBe(1);
    expect(db.stats().snapshots).toEqual([]);
    expect(kept.next().value).toBe('k');
    kept.close();
    expect(signal.aborted).toBe(false);
    await db.close();
  });

  it('is not reported when it was closed, or came to its end', async () => {
    const db = await openText(new MemoryFileSystem());
    const events: ForgottenEvent[] = [];
    db.on('forgotten', (event) => events.push(event));
    await db.put('k', 'v');
    (() => {
      db.snapshot().close();
      db.keysSync().close();
      expect([...db.keysSync()]).toEqual(['k']);
      db.snapshot();
    })();
    await whenForgotten(events, 1);
    collect();
    await new Promise((resolve) => void setTimeout(resolve, 10));
    expect(events.map(({ kind }) => kind)).toEqual(['snapshot']);
    await db.close();
  });
});
