import { beforeAll, describe, expect, it } from 'vitest';
import { compareBytes } from '../../src/base/bytes.js';
import { MemoryFileSystem, RecordingFileSystem } from '../../src/fs.js';
import { open, repair } from '../../src/index.js';
import { verifyDatabase, type VerifyReport } from '../../src/inspect.js';

/*
 * Bits that flip behind what was synced of a log. To `open` they are an end that a
 * crash has torn, as P4 allows; `verify` and `repair` tell rot from a crash, and must
 * agree on it, since what is repaired must be clean.
 */
const directory = '/db';
let log: string;
const options = { syncIntervalMs: 0, keyEncoding: 'utf8', valueEncoding: 'utf8' } as const;

/** A small record that was synced, three of four fragments each that were not, and none closed. */
let image: ReadonlyMap<string, Uint8Array>;
/** Where each of the three begins. */
const starts: number[] = [];
let end: number;
const blockBytes = 32_768;

beforeAll(async () => {
  const writing = new MemoryFileSystem();
  const db = await open(directory, { fs: writing, ...options });
  await db.put('synced', 'a'.repeat(200), { durability: 'disk' });
  log = logsOf(writing).at(-1)!;
  for (const key of ['first', 'second', 'third']) {
    starts.push(usedBytes(writing.readBytes(log)));
    await db.put(key, key[0].repeat(3 * blockBytes));
  }
  const fs = writing.clone();
  const written = fs.readBytes(log);
  end = usedBytes(written);
  // Of the space that was taken ahead a part is enough.
  fs.writeBytes(log, written.subarray(0, end + 2 * blockBytes));
  image = fs.snapshotFiles();
  await db.close();
});

/** Those in which something is: one is made ahead. */
function logsOf(fs: MemoryFileSystem): string[] {
  const files = [...fs.snapshotFiles()];
  const logs = files.filter(([path, bytes]) => path.endsWith('.log') && usedBytes(bytes) > 200);
  return logs.map(([path]) => path).sort();
}

function usedBytes(bytes: Uint8Array): number {
  return bytes.findLastIndex((byte) => byte !== 0) + 1;
}

/** The image, its log with one bit flipped at each of these places. */
function flipped(...places: readonly number[]): MemoryFileSystem {
  const bytes = image.get(log)!.slice();
  for (const at of places) bytes[at] ^= 8;
  return MemoryFileSystem.from(new Map([...image, [log, bytes]]));
}

async function verify(fs: MemoryFileSystem): Promise<VerifyReport> {
  return await verifyDatabase(directory, { fs });
}

async function keysOf(fs: MemoryFileSystem): Promise<string[]> {
  const db = await open(directory, { fs, ...options });
  const keys: string[] = [];
  for await (const key of db.keys()) keys.push(key);
  await db.close();
  return keys;
}

describe('one flipped bit behind what was synced', () => {
  for (const fragment of [0, 1, 2, 3]) {
    it(`in fragment ${fragment} of a record is named, set aside, and then gone`, async () => {
      const firstBlock = starts[1] - (starts[1] % blockBytes);
      const at = fragment === 0 ? starts[1] + 50 : firstBlock + fragment * blockBytes + 50;
      const begin = fragment === 0 ? starts[1] : firstBlock + fragment * blockBytes;
      const fs = flipped(at);
      expect(await keysOf(fs.clone()), 'open takes it for torn').toEqual(['first', 'synced']);

      const { damages } = await verify(fs);
      expect(damages.map(({ file, offset }) => [file, offset])).toEqual([[log, begin]]);
      expect(damages[0].checksum?.flippedBit).toEqual({ offset: at, bit: 3 });

      const { outcome, problems, lost } = await repair(directory, { fs });
      expect(outcome).toBe('repaired');
      expect(problems.join()).toContain(`one flipped bit explains it: bit 3 of byte ${at}`);
      expect(lost.map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq])).toEqual([[3, 3]]);
      expect((await verify(fs)).damages).toEqual([]);
      expect((await repair(directory, { fs })).outcome).toBe('sound');
      expect(await keysOf(fs)).toEqual(['first', 'synced', 'third']);
    });
  }

  it('in several records: each is named, and none after the repair', async () => {
    const fs = flipped(starts[0] + 50, starts[1] + 50, end - 10);
    expect((await verify(fs)).damages).toHaveLength(3);
    expect((await repair(directory, { fs })).outcome).toBe('repaired');
    expect((await verify(fs)).damages).toEqual([]);
    expect(await keysOf(fs)).toEqual(['synced']);
  });
});

/** What does not count, because a crash has ended the log before it, is neither damage nor repaired. */
async function expectSound(fs: MemoryFileSystem, keys: readonly string[]): Promise<void> {
  expect((await verify(fs)).damages).toEqual([]);
  const before = fs.snapshotFiles();
  expect((await repair(directory, { fs })).outcome).toBe('sound');
  const after = fs.snapshotFiles();
  expect([...after.keys()]).toEqual([...before.keys()]);
  for (const [path, bytes] of before) expect(compareBytes(bytes, after.get(path)!)).toBe(0);
  expect(await keysOf(fs)).toEqual(keys);
}

describe('a flipped bit in what does not count', () => {
  it('behind a place that a crash left out', async () => {
    const fs = flipped(starts[2] + 50);
    const bytes = fs.readBytes(log);
    bytes.fill(0, starts[1] + 20, starts[1] + 5000);
    fs.writeBytes(log, bytes);
    await expectSound(fs, ['first', 'synced']);
  });

  it('behind the end that the next log states', async () => {
    // A crash before recovery has done with the log: its flipped end is still there.
    const memory = flipped(starts[1] + 50);
    let crashed: MemoryFileSystem | undefined;
    const fs = new RecordingFileSystem(memory, {
      beforeCall(operation, path) {
        const isEdit = operation === 'write' && path.includes('MANIFEST');
        if (isEdit && logsOf(memory).length > 1) crashed ??= memory.clone();
      },
    });
    await (await open(directory, { fs, ...options })).close();
    expect(logsOf(crashed!)[0]).toBe(log);
    await expectSound(crashed!, ['first', 'synced']);
  });

  it('in a log that is void, since the one before it ends too early', async () => {
    const writing = new MemoryFileSystem();
    const db = await open(directory, { fs: writing, ...options, memtableBytes: 64 * 1024 });
    // Synchronous, so that nothing is flushed meanwhile.
    for (let i = 0; i < 8; i++) db.putSync(`key ${i}`, 'v'.repeat(10_000));
    const fs = writing.clone();
    await db.close();
    const [older, newer] = logsOf(fs);
    const bytes = fs.readBytes(newer);
    bytes[usedBytes(bytes) - 3] ^= 8;
    fs.writeBytes(newer, bytes);
    expect((await verify(fs)).damages).toHaveLength(1);
    // Now a crash that lost the end of the older one, too.
    fs.writeBytes(older, fs.readBytes(older).fill(0, 15_000));
    await expectSound(fs, ['key 0']);
  });
});

it('one bit among the zeros behind the end is named, and gone after a repair that loses nothing', async () => {
  const fs = flipped(end + 5000);
  expect((await verify(fs)).damages).toHaveLength(1);
  expect((await repair(directory, { fs })).outcome).toBe('repaired');
  expect((await verify(fs)).damages).toEqual([]);
  expect(await keysOf(fs)).toEqual(['first', 'second', 'synced', 'third']);
});
