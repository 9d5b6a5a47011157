import { beforeAll, expect, test } from 'vitest';
import { MemoryFileSystem } from '../../src/fs.js';
import { verifyDatabase, type VerifyReport } from '../../src/verify/verify-database.js';
import { directory, makeSmallDatabase, openSmall, type Image } from './small-database.js';

let image: Image;
let manifest: string;
let log: string;
let tables: string[];

beforeAll(async () => {
  ({ image } = await makeSmallDatabase(1, true));
  const paths = [...image.keys()].sort();
  manifest = paths.filter((path) => path.includes('MANIFEST-')).at(-1)!;
  log = paths.find((path) => path.endsWith('.log'))!;
  tables = paths.filter((path) => path.endsWith('.sst'));
});

async function verifyWith(changes: ReadonlyMap<string, Uint8Array>): Promise<VerifyReport> {
  const fs = MemoryFileSystem.from(new Map([...image, ...changes]));
  return verifyDatabase(directory, { fs });
}

function flip(path: string, ...offsets: number[]): [string, Uint8Array] {
  const bytes = image.get(path)!.slice();
  for (const at of offsets) bytes[at] ^= 8;
  return [path, bytes];
}

test('damage of neighbouring records of a log is told apart, with the writes that are in it', async () => {
  const bytes = image.get(log)!;
  const starts: number[] = [];
  for (let at = 104; at + 7 < bytes.length; at += 7 + bytes[at + 4] + 256 * bytes[at + 5]) {
    starts.push(at);
  }
  expect(starts.length).toBeGreaterThan(3);
  const { damages } = await verifyWith(new Map([flip(log, ...starts.map((at) => at + 20))]));
  expect(damages.map(({ file, offset }) => [file, offset])).toEqual(starts.map((at) => [log, at]));
  for (const [i, { checksum, firstSeq, lastSeq }] of damages.entries()) {
    expect(checksum?.flippedBit).toEqual({ offset: starts[i] + 20, bit: 3 });
    expect(lastSeq).toBeGreaterThanOrEqual(firstSeq!);
    if (i > 0) expect(firstSeq).toBe(damages[i - 1].lastSeq! + 1);
  }
});

test('a flip in the last edit is no torn edit, and verify says what it is', async () => {
  const at = image.get(manifest)!.length - 5;
  const { damages } = await verifyWith(new Map([flip(manifest, at)]));
  expect(damages.length).toBe(1);
  expect(damages[0].checksum?.flippedBit).toEqual({ offset: at, bit: 3 });
  expect(damages[0].what).toMatch(/torn off; it says: .*clean close: log/);
});

test('a last edit that a crash has torn is none', async () => {
  const bytes = image.get(manifest)!;
  const { damages } = await verifyWith(new Map([[manifest, bytes.slice(0, -5)]]));
  expect(damages).toEqual([]);
});

test('without a readable manifest tables and logs are checked all the same', async () => {
  const damaged = tables.slice(0, 2);
  const changes = [flip(manifest, 100), flip(log, 110), ...damaged.map((path) => flip(path, 80))];
  const { damages } = await verifyWith(new Map(changes));
  expect(new Set(damages.map(({ file }) => file))).toEqual(new Set([manifest, log, ...damaged]));
});

test('of a table that does not open every damaged block is named', async () => {
  const [path] = tables;
  const footer = image.get(path)!.length - 20;
  const { damages } = await verifyWith(new Map([flip(path, 80, footer)]));
  const offsets = damages.map(({ offset }) => offset);
  expect(damages.every(({ file }) => file === path)).toBe(true);
  expect(offsets).toContain(image.get(path)!.length - 64);
  expect(offsets).toContain(56);
});

test('what lies beside the database is named and is no damage', async () => {
  const extra: [string, Uint8Array][] = [
    [`${directory}/900000.sst`, image.get(tables[0])!],
    [`${directory}/lost/000001.sst`, image.get(tables[0])!],
    [`${directory}/notes.txt`, new Uint8Array(3)],
  ];
  const { damages, leftovers } = await verifyWith(new Map(extra));
  expect(damages).toEqual([]);
  const found = leftovers.map(({ file, bytes }) => `${file} ${bytes}`);
  for (const [path, bytes] of extra) expect(found).toContain(`${path} ${bytes.length}`);
  // Nothing else: the manifest before the current one is kept on purpose.
  expect(found).toHaveLength(extra.length);
});

test('a missing CURRENT is named', async () => {
  const files = new Map(image);
  files.delete(`${directory}/CURRENT`);
  const { damages, tables: count } = await verifyDatabase(directory, {
    fs: MemoryFileSystem.from(files),
  });
  expect(damages.map(({ file, offset }) => [file, offset])).toEqual([
    [`${directory}/CURRENT`, undefined],
  ]);
  expect(count).toBe(tables.length);
});

test('a compaction that meets a damaged table names it and installs nothing', async () => {
  const [path] = tables;
  const fs = MemoryFileSystem.from(new Map([...image, flip(path, 80)]));
  const db = await openSmall(fs, 5);
  const before = db.stats().levels.map((level) => level.tables);
  const failing = await Promise.allSettled(
    ['default', 'light', 'dense'].map(async (name) => (await db.keyspace(name)).compactRange()),
  );
  const reasons = failing.flatMap((each): unknown[] =>
    each.status === 'rejected' ? [each.reason] : [],
  );
  expect(reasons.length).toBe(1);
  expect(reasons[0]).toMatchObject({
    code: 'LSM_CORRUPTION',
    file: path,
    offset: 56,
    damage: { flippedBit: { offset: 80, bit: 3 } },
  });
  expect(await fs.stat(path)).toBeDefined();
  expect(before.length).toBeGreaterThan(0);
  await db.close();
  const { damages } = await verifyDatabase(directory, { fs });
  expect(damages.map(({ file, offset }) => [file, offset])).toEqual([[path, 56]]);
});
