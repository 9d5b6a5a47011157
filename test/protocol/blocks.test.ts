import { describe, expect, it } from 'vitest';
import { isLsmError } from '../../src/base/errors.js';
import { MemoryFileSystem } from '../../src/fs.js';
import { inspectFile, type BlockFact } from '../../src/inspect.js';
import { makeStage, openText, pathsOf, settle } from './stage.js';

const keys = Array.from({ length: 40 }, (_, i) => `k${100 + i}`);

/** A table of some blocks of one size, stored as they are. */
async function oneTable(value: (key: string) => string): Promise<MemoryFileSystem> {
  const { memory } = makeStage();
  const db = await openText(memory, { blockSizeBytes: 512 });
  for (const key of keys) await db.put(key, value(key));
  await db.flush();
  await settle(db);
  await db.close();
  return memory;
}

/** The values of all keys, or the code of the error: of each key on its own. */
async function readEach(fs: MemoryFileSystem): Promise<string[]> {
  const db = await openText(fs);
  const found = keys.map((key) => {
    try {
      return db.getSync(key) ?? 'nothing';
    } catch (error) {
      if (!isLsmError(error)) throw error;
      return error.code;
    }
  });
  await db.close();
  return found;
}

async function dataBlocks(fs: MemoryFileSystem, path: string): Promise<BlockFact[]> {
  const blocks: BlockFact[] = [];
  for await (const fact of inspectFile(path, { fs })) {
    if (fact.type === 'block' && fact.role === 'data') blocks.push(fact);
  }
  return blocks;
}

const plain = (key: string): string => `value of ${key}`.padEnd(100);

describe('a block', () => {
  it('with a flipped bit is not read: its checksum does not match', async () => {
    const fs = await oneTable(plain);
    const [path] = pathsOf(fs, /\.sst$/);
    const [{ offset, bytes: size }] = await dataBlocks(fs, path);
    const bytes = fs.readBytes(path);
    // Within the last value of the block: nothing but the checksum can tell.
    bytes[offset + size - 30] ^= 0x01;
    fs.writeBytes(path, bytes);
    const found = await readEach(fs);
    const wrong = found.filter(
      (value, i) => value !== plain(keys[i]) && value !== 'LSM_CORRUPTION',
    );
    expect(wrong).toEqual([]);
    expect(found).toContain('LSM_CORRUPTION');
    expect(found).toContain(plain(keys.at(-1)!));
  });

  it('in the place of another one of its table is not read', async () => {
    const fs = await oneTable(plain);
    const [path] = pathsOf(fs, /\.sst$/);
    const blocks = await dataBlocks(fs, path);
    const first = blocks[1];
    const second = blocks.find((each) => each.offset > first.offset && each.bytes === first.bytes)!;
    const bytes = fs.readBytes(path);
    const moved = bytes.slice();
    moved.set(bytes.subarray(second.offset, second.offset + second.bytes), first.offset);
    fs.writeBytes(path, moved);
    const found = await readEach(fs);
    const wrong = found.filter(
      (value, i) => value !== plain(keys[i]) && value !== 'LSM_CORRUPTION',
    );
    expect(wrong).toEqual([]);
    expect(found).toContain('LSM_CORRUPTION');
  });

  it('in the same place of another table is not read', async () => {
    const fs = await oneTable(plain);
    const other = await oneTable((key) => `stolen: ${key}`.padEnd(100));
    const [path] = pathsOf(fs, /\.sst$/);
    const [{ offset, bytes: size }] = await dataBlocks(fs, path);
    const bytes = fs.readBytes(path);
    const stolen = other.readBytes(pathsOf(other, /\.sst$/)[0]);
    bytes.set(stolen.subarray(offset, offset + size), offset);
    fs.writeBytes(path, bytes);
    const found = await readEach(fs);
    expect(found.filter((value) => value.startsWith('stolen'))).toEqual([]);
    expect(found).toContain('LSM_CORRUPTION');
  });
});

describe('a table', () => {
  it('that is gone is an error, not nothing', async () => {
    const fs = await oneTable(plain);
    await fs.remove(pathsOf(fs, /\.sst$/)[0]);
    const found = await readEach(fs);
    expect(found.filter((value) => !value.startsWith('LSM_'))).toEqual([]);
  });

  it('of another number under this name is not read', async () => {
    const fs = await oneTable(plain);
    const other = await oneTable((key) => `stolen: ${key}`.padEnd(100));
    fs.writeBytes(pathsOf(fs, /\.sst$/)[0], other.readBytes(pathsOf(other, /\.sst$/)[0]));
    const found = await readEach(fs);
    expect([...new Set(found)]).toEqual(['LSM_CORRUPTION']);
  });
});

describe('a filter', () => {
  it('is sized for the keys that are in the table: 5,000 of them give few false positives', async () => {
    const db = await openText(new MemoryFileSystem(), { memtableBytes: 4 * 1024 * 1024 });
    for (let i = 0; i < 5000; i++) db.putSync(`k${10_000 + i}`, 'v');
    await db.flush();
    for (let i = 0; i < 1000; i++) expect(db.hasSync(`k${10_000 + 5 * i}`)).toBe(true);
    for (let i = 0; i < 1000; i++) expect(db.hasSync(`k${10_000 + 5 * i}x`)).toBe(false);
    const { filter } = db.stats();
    expect(filter.checks).toBe(2000);
    expect(filter.falsePositives).toBeLessThan(40);
    await db.close();
  });

  it('of no bits is none: everything is found', async () => {
    const db = await openText(new MemoryFileSystem(), { bloomBitsPerKey: 0 });
    await db.put('k', 'v');
    await db.flush();
    expect(db.getSync('k')).toBe('v');
    expect(db.stats().filter.checks).toBe(0);
    await db.close();
  });
});
