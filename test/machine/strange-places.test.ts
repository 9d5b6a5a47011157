import { mkdtempSync, readdirSync, renameSync, rmSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { open, type Database } from '../../src/index.js';

/** What others do to the directory of an open database, and names that no system takes. */
let place: string;
let directory: string;

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'nori-strange-'));
  directory = join(place, 'db');
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

const value = 'v'.repeat(100);

async function openHere(path = directory): Promise<Database<string, string>> {
  return open(path, {
    keyEncoding: 'utf8',
    valueEncoding: 'utf8',
    memtableBytes: 64 * 1024,
    tableBytes: 16 * 1024,
    blockCacheBytes: 0,
    maxOpenTables: 8,
    executor: 'inline',
  });
}

async function load(db: Database<string, string>, count: number, prefix = 'k'): Promise<void> {
  for (let i = 0; i < count; i++) await db.put(`${prefix}${i}`, value);
}

function tables(): string[] {
  return readdirSync(directory).filter((name) => name.endsWith('.sst'));
}

describe('the directory of an open database', () => {
  it('is moved away and back: what needs its name fails meanwhile, and nothing is lost', async () => {
    const db = await openHere();
    await load(db, 1000);
    renameSync(directory, `${directory}2`);
    // A log that was being begun may have its name, and cannot make it durable: that is final.
    const code = expect.stringMatching(/^LSM_(IO|FAILED)$/) as string;
    await expect(db.flush()).rejects.toMatchObject({ code });
    const meanwhile = await load(db, 10, 'meanwhile').then(
      () => 10,
      () => 0,
    );
    renameSync(`${directory}2`, directory);
    for (let isFlushed = false; !isFlushed && db.stats().failure === undefined;) {
      isFlushed = await db.flush().then(
        () => true,
        () => false,
      );
    }
    await db.close();
    const again = await openHere();
    const found = [...again.keysSync()];
    expect(found.filter((key) => key.startsWith('k'))).toHaveLength(1000);
    expect(found.length).toBeGreaterThanOrEqual(1000 + meanwhile);
    expect((await again.verify()).damages).toEqual([]);
    await again.close();
  });

  it('is removed: flushes fail, the handle can be closed, and nothing is made anew', async () => {
    const db = await openHere();
    await load(db, 1000);
    rmSync(directory, { recursive: true });
    const code = expect.stringMatching(/^LSM_(IO|FAILED)$/) as string;
    await expect(db.flush()).rejects.toMatchObject({ code });
    await db.close();
    expect(readdirSync(place)).toEqual([]);
  });

  it('loses a table: who needs it hears which, nobody reads around it', async () => {
    const db = await openHere();
    await load(db, 6000);
    await db.compactRange();
    await db.close();
    expect(tables().length).toBeGreaterThan(8);
    const reader = await openHere();
    const lost = tables()[0];
    unlinkSync(join(directory, lost));
    const codes = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const found = await reader.get(`k${i}`).then(
        (text) => (text === value ? 'right' : 'wrong'),
        (error: { code: string; message: string }) => {
          expect(error.message).toContain(lost);
          return error.code;
        },
      );
      codes.set(found, (codes.get(found) ?? 0) + 1);
    }
    expect([...codes.keys()].sort()).toEqual(['LSM_CORRUPTION', 'right']);
    expect(() => [...reader.keysSync()]).toThrow(lost);
    const { damages } = await reader.verify();
    expect(damages.map(({ file }) => file)).toEqual([join(directory, lost)]);
    await reader.close();
  });
});

describe('a name that the system does not take', () => {
  it.each([
    ['one part is too long', 'n'.repeat(256)],
    ['all of it is too long', Array.from({ length: 45 }, () => 'n'.repeat(100)).join('/')],
  ])('is an error that says so: %s', async (_, name) => {
    const error = { code: 'LSM_IO', message: expect.stringContaining('ENAMETOOLONG') as string };
    await expect(openHere(join(place, name))).rejects.toMatchObject(error);
  });

  it('is the same for a directory whose name leaves none for files', async () => {
    const missing = 4090 - place.length - 1;
    const parts = Array.from({ length: Math.floor(missing / 201) }, () => 'n'.repeat(200));
    const path = join(place, ...parts, 'n'.repeat((missing % 201) + 1)).slice(0, 4090);
    await expect(openHere(path)).rejects.toMatchObject({
      code: 'LSM_IO',
      message: expect.stringContaining('ENAMETOOLONG') as string,
    });
  });
});
