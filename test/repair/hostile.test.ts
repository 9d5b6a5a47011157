import {
  existsSync,
  mkdtempSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { isLsmError } from '../../src/base/errors.js';
import { encodeFileHeader } from '../../src/base/file-header.js';
import { MemoryFileSystem } from '../../src/fs.js';
import { destroy } from '../../src/index.js';
import { discardLost } from '../../src/repair/discard-lost.js';
import { repair } from '../../src/repair/repair.js';
import { repairAndCheck } from './check-repair.js';
import { damageOf, wound } from './damages.js';
import { directory, makeStage } from './stage.js';

const stage = await makeStage(3);
const stranger = await makeStage(4);
const temporary = mkdtempSync(join(tmpdir(), 'nori-repair-'));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

async function withoutManifests(): Promise<MemoryFileSystem> {
  const disk = stage.disk.clone();
  for (const path of disk.snapshotFiles().keys()) {
    if (/CURRENT|MANIFEST/.test(path)) await disk.remove(path);
  }
  return disk;
}

async function codeOf(run: Promise<unknown>): Promise<string> {
  const error = await run.then(
    () => 'none',
    (reason: unknown) => reason,
  );
  return isLsmError(error) ? error.code : String(error);
}

describe("a stranger's files", () => {
  it('of another database take no part, and are set aside', async () => {
    const disk = await withoutManifests();
    for (const [path, bytes] of stranger.disk.snapshotFiles()) {
      if (path.endsWith('.sst')) disk.writeBytes(path.replace('/0', '/9'), bytes);
    }
    const tables = [...disk.snapshotFiles().keys()].filter((path) => path.includes('/9'));
    await disk.remove(tables[0]);
    const { report } = await repairAndCheck(stage, disk);
    expect(report.lost).toEqual([]);
    expect(report.setAside).toHaveLength(tables.length - 1);
  });

  it('as many as ours: it must be said which are meant', async () => {
    const disk = new MemoryFileSystem();
    for (const [which, { disk: from }] of [stage, stranger].entries()) {
      const [path, bytes] = [...from.snapshotFiles()].find(([each]) => each.endsWith('.sst'))!;
      disk.writeBytes(path.replace('/0', `/${which + 1}`), bytes);
    }
    const before = disk.snapshotFiles();
    expect(await codeOf(repair(directory, { fs: disk }))).toBe('LSM_CORRUPTION');
    expect(await codeOf(repair(directory, { fs: disk, databaseId: 'nothing' }))).toBe(
      'LSM_INVALID_ARGUMENT',
    );
    expect(disk.snapshotFiles()).toEqual(before);
  });

  it('with impossible numbers in their names are set aside', async () => {
    const disk = await withoutManifests();
    const [, bytes] = [...stage.disk.snapshotFiles()].find(([path]) => path.endsWith('.sst'))!;
    disk.writeBytes('/db/9007199254740991.sst', bytes);
    disk.writeBytes('/db/MANIFEST-9007199254740991', new Uint8Array(40));
    const { report } = await repairAndCheck(stage, disk);
    expect(report.lost).toEqual([]);
    expect(report.setAside).toContain('MANIFEST-9007199254740991');
  });

  it('of a newer format are refused, and nothing is changed', async () => {
    const disk = await withoutManifests();
    const header = encodeFileHeader({ kind: 'table', fileId: { low: 1, high: 2 } });
    const newer = new Uint8Array(200);
    newer.set(header);
    newer[8] = 9;
    const { checksumAt } = await import('../../src/base/checksum.js');
    new DataView(newer.buffer).setUint32(
      52,
      checksumAt(newer.subarray(0, 52), { low: 1, high: 2 }, 0),
      true,
    );
    disk.writeBytes('/db/900000.sst', newer);
    const before = disk.snapshotFiles();
    expect(await codeOf(repair(directory, { fs: disk }))).toBe('LSM_UNSUPPORTED_FORMAT');
    expect(disk.snapshotFiles()).toEqual(before);
  });

  it('that fit nowhere cost little: blocks are looked for in bytes made to look like their ends', async () => {
    const disk = await withoutManifests();
    const path = [...disk.snapshotFiles().keys()].find((each) => each.endsWith('.sst'))!;
    const bytes = new Uint8Array(300_000);
    bytes.set(disk.readBytes(path).subarray(0, 56));
    for (let i = 56; i < bytes.length; i += 10) bytes[i] = 1;
    disk.writeBytes(path, bytes);
    const { report } = await repairAndCheck(stage, disk);
    expect(report.tables.lost).toBe(1);
  }, 60_000);

  it('through links do not lead out of the directory', async () => {
    const path = join(temporary, 'db');
    const outside = join(temporary, 'outside');
    mkdirSync(path);
    mkdirSync(outside);
    const disk = stage.disk.clone();
    const table = [...disk.snapshotFiles().keys()].find((each) => each.endsWith('.sst'))!;
    wound(disk, table, 300);
    for (const [name, bytes] of disk.snapshotFiles()) writeFileSync(join(temporary, name), bytes);
    symlinkSync(outside, join(path, 'lost'));
    expect(await codeOf(repair(path))).toBe('LSM_IO');
    writeFileSync(join(outside, '000012.sst'), 'mine');
    expect(await codeOf(discardLost(path))).toBe('LSM_CORRUPTION');
    rmSync(join(path, 'lost'));
    writeFileSync(join(outside, 'precious'), 'mine');
    symlinkSync(join(outside, 'precious'), join(path, 'CURRENT.tmp'));
    expect((await repair(path)).outcome).toBe('repaired');
    expect(readFileSync(join(outside, 'precious'), 'utf8')).toBe('mine');
    expect(readdirSync(outside).sort()).toEqual(['000012.sst', 'precious']);
    expect(existsSync(join(path, 'lost'))).toBe(true);
  });
});

it('what a repair has set aside goes with the database', async () => {
  const disk = stage.disk.clone();
  damageOf('a table and the log', disk);
  const { setAside } = await repair(directory, { fs: disk });
  expect(setAside.map((name) => name.slice(-3)).sort()).toEqual(['log', 'sst']);
  const report = await destroy(directory, { fs: disk });
  expect(report).toMatchObject({ left: [], directoryRemoved: true });
});

describe('repair refuses', () => {
  it('what is missing, foreign or open', async () => {
    const disk = new MemoryFileSystem();
    expect(await codeOf(repair('none', { fs: disk }))).toBe('LSM_NOT_FOUND');
    disk.writeBytes('/other/notes.txt', new Uint8Array(3));
    expect(await codeOf(repair('other', { fs: disk }))).toBe('LSM_NOT_A_DATABASE');
    expect(await codeOf(repair('other/notes.txt', { fs: disk }))).toBe('LSM_NOT_A_DATABASE');
    const copy = stage.disk.clone();
    const lock = await copy.lockDirectory(directory);
    expect(await codeOf(repair(directory, { fs: copy }))).toBe('LSM_LOCKED');
    expect(await codeOf(discardLost(directory, { fs: copy }))).toBe('LSM_LOCKED');
    await lock.release();
    expect(await codeOf(repair(directory, { fs: copy }))).toBe('none');
    expect(await codeOf(repair('', { fs: copy }))).toBe('LSM_INVALID_ARGUMENT');
  });
});
