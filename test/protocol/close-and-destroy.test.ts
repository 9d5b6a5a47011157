import { describe, expect, it } from 'vitest';
import { destroy } from '../../src/index.js';
import {
  between,
  contentAfterPowerLoss,
  contentOf,
  countOf,
  directory,
  expectInOrder,
  makeStage,
  openText,
  pathsOf,
  settle,
} from './stage.js';

describe('close', () => {
  it('syncs the log, then says in the manifest that it did, and up to where', async () => {
    const { memory, calls } = makeStage();
    const db = await openText(calls);
    await settle(db);
    await db.put('a', '1');
    calls.clear();
    await db.close();
    expectInOrder(calls.lines, /^sync 000002\.log/, /^write MANIFEST/, /^sync MANIFEST/, /^unlock/);
    expect(await contentAfterPowerLoss(memory)).toEqual({ a: '1' });
  });

  it('a log that ends below what a clean close said is damage', async () => {
    const { memory } = makeStage();
    const db = await openText(memory);
    await db.put('a', '1');
    await db.put('b', '2');
    await db.close();
    const [log] = pathsOf(memory, /\.log$/);
    memory.writeBytes(log, memory.readBytes(log).slice(0, -1));
    expect(await contentOf(memory)).toBe('LSM_CORRUPTION');
    await memory.remove(log);
    expect(await contentOf(memory)).toBe('LSM_CORRUPTION');
  });
});

describe('a read-only open', () => {
  it('takes no lock and changes nothing, beside a writer', async () => {
    const { memory, calls } = makeStage();
    const db = await openText(memory);
    await db.put('a', '1');
    await db.flush();
    await db.put('b', '2');
    const reader = await openText(calls, { readOnly: true });
    await db.put('c', '3');
    await db.compactRange();
    await settle(db);
    expect(Object.fromEntries(reader.entriesSync())).toEqual({ a: '1', b: '2' });
    await reader.close();
    expect(calls.changes).toEqual([]);
    expect(countOf(calls.lines, /^(un)?lock/)).toBe(0);
    await db.close();
  });

  it('starts over when a table or a log went away meanwhile', async () => {
    const { memory } = makeStage();
    const db = await openText(memory);
    for (const value of ['1', '2']) {
      await db.put('a', value);
      await db.flush();
    }
    await settle(db);
    const { calls } = makeStage(memory);
    let isMet = false;
    const fs = new Proxy(calls, {
      get: (target, name) => {
        if (name === 'open') {
          return async (path: string) => {
            if (path.endsWith('.sst') && !isMet) {
              isMet = true;
              await db.compactRange();
              await settle(db);
            }
            return target.open(path);
          };
        }
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === 'function' ? (member.bind(target) as unknown) : member;
      },
    });
    const reader = await openText(fs, { readOnly: true });
    expect(isMet).toBe(true);
    expect(reader.getSync('a')).toBe('2');
    await reader.close();
    await db.close();
  });
});

describe('open', () => {
  it('takes the lock before it reads any file, and close gives it back last', async () => {
    const { memory } = makeStage();
    await (await openText(memory)).close();
    const { calls } = makeStage(memory);
    const db = await openText(calls);
    const second = await openText(memory).then(
      () => 'opened',
      (error: unknown) => (error as { code: string }).code,
    );
    expect(second).toBe('LSM_LOCKED');
    expectInOrder(calls.lines, /^lock/, /^open CURRENT/);
    expect(countOf(between(calls.lines, /^stat/, /^lock/), /^(open|read|create)/)).toBe(0);
    await db.close();
    expect(calls.lines.at(-1)).toBe('unlock .');
  });
});

describe('destroy', () => {
  it('takes the lock: not while somebody has the database open', async () => {
    const { memory } = makeStage();
    const db = await openText(memory);
    await db.put('a', '1', { durability: 'disk' });
    const outcome = await destroy(directory, { fs: memory }).then(
      () => 'destroyed',
      (error: unknown) => (error as { code: string }).code,
    );
    expect(outcome).toBe('LSM_LOCKED');
    await db.close();
    expect(await contentOf(memory)).toEqual({ a: '1' });
    await destroy(directory, { fs: memory });
    expect(pathsOf(memory, /./)).toEqual([]);
  });

  it('removes the manifest first, durably: what a crash leaves is not taken for an older or a new database', async () => {
    const { memory, calls } = makeStage();
    const db = await openText(memory);
    await db.put('a', '1');
    await db.flush();
    await settle(db);
    await db.close();
    await (await openText(memory)).close();
    const whole = memory.clone();
    await destroy(directory, { fs: calls });
    expectInOrder(
      calls.changes,
      /^remove MANIFEST-001/,
      /^sync-directory \./,
      /^remove MANIFEST-000001/,
      /^sync-directory \./,
      /^remove \d+\.sst/,
      /^sync-directory \./,
      /^remove CURRENT/,
    );
    for (let n = 0, isDead = true; isDead; n += 2) {
      const dying = makeStage(whole.clone());
      dying.calls.dieAt(n);
      await destroy(directory, { fs: dying.calls }).catch(() => undefined);
      ({ isDead } = dying.calls);
      for (const keep of [0, 1]) {
        const content = await contentAfterPowerLoss(dying.memory, keep);
        const isGone = pathsOf(dying.memory, /\.sst$|\.log$/).length === 0;
        const fine = isGone ? [{ a: '1' }, 'LSM_CORRUPTION', {}] : [{ a: '1' }, 'LSM_CORRUPTION'];
        expect(fine).toContainEqual(content);
      }
    }
  });
});
