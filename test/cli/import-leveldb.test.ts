import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { open } from '../../src/index.js';
import { ensureBuilt, main, makeTemporaryDirectory, type Result } from './command.js';

/*
 * The real LevelDB is native and not installed here: ecosystem/import-leveldb reads
 * one. Here a stand-in of classic-level has its entries from a text file, and fails
 * where a test wants it.
 */
const standIn = `
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
exports.ClassicLevel = class {
  constructor(location) { this.location = location; }
  async open() {
    if (process.env.STAND_IN_CODE !== undefined) {
      const cause = Object.assign(new Error('IO error: lock LOCK: busy'), { code: process.env.STAND_IN_CODE });
      throw Object.assign(new Error('Database failed to open', { cause }), { code: 'LEVEL_DATABASE_NOT_OPEN' });
    }
    this.entries = JSON.parse(readFileSync(join(this.location, 'entries.json'), 'utf8'))
      .map(([key, value]) => [Buffer.from(key, 'hex'), Buffer.from(value, 'hex')])
      .sort(([a], [b]) => Buffer.compare(a, b));
    this.reads = 0;
  }
  async close() {}
  async approximateSize(start, end) {
    return this.entries.filter(([key]) => Buffer.compare(key, end) < 0).length;
  }
  async get(key) {
    return this.entries.find(([each]) => each.equals(key))?.[1];
  }
  iterator({ gt, reverse, limit = Infinity }) {
    let left = this.entries.filter(([key]) => gt === undefined || Buffer.compare(key, gt) > 0);
    if (reverse) left.reverse();
    return {
      nextv: async (size) => {
        if (limit > 1 && ++this.reads > Number(process.env.STAND_IN_READS)) process.kill(process.pid, 'SIGKILL');
        return left.splice(0, Math.min(size, limit, 10));
      },
      close: async () => {},
    };
  }
};
`;

const directory = makeTemporaryDirectory();
let count = 0;

beforeAll(() => {
  ensureBuilt();
  install('project', standIn);
});

/** A project that has `source` installed as classic-level. */
function install(project: string, source: string): void {
  const place = join(directory, project, 'node_modules', 'classic-level');
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, 'index.js'), source);
}

function nori(args: readonly string[], env: NodeJS.ProcessEnv = {}, project = 'project') {
  const cwd = join(directory, project);
  mkdirSync(cwd, { recursive: true });
  const ran = spawnSync(process.execPath, [main, ...args], {
    encoding: 'utf8',
    cwd,
    env: { ...process.env, ...env },
  });
  return { status: ran.status, stdout: ran.stdout, stderr: ran.stderr, signal: ran.signal };
}

type HexEntry = readonly [key: string, value: string];

/** What a LevelDB looks like from outside, holding these entries. */
function writeSource(source: string, entries: readonly HexEntry[]): void {
  mkdirSync(source, { recursive: true });
  writeFileSync(join(source, 'CURRENT'), 'MANIFEST-000004\n');
  writeFileSync(join(source, 'entries.json'), JSON.stringify(entries));
}

const hex = (text: string): string => Buffer.from(text).toString('hex');

const manyEntries = Array.from({ length: 100 }, (_, i): HexEntry => {
  const key = `key ${String(i).padStart(3, '0')}`;
  return [hex(key), hex(`value ${i}`)];
});

/** A source and a path for a target. */
function stage(entries: readonly HexEntry[] = manyEntries): { source: string; target: string } {
  const paths = { source: join(directory, `s-${++count}`), target: join(directory, `t-${count}`) };
  writeSource(paths.source, entries);
  return paths;
}

function importInto({ source, target }: { source: string; target: string }, env = {}) {
  return nori(['import-leveldb', source, '--to', target], env);
}

/** Killed when four chunks are read, of which at most three are stored. */
function killedImport(): { source: string; target: string } {
  const paths = stage();
  expect(importInto(paths, { STAND_IN_READS: '4' }).signal).toBe('SIGKILL');
  return paths;
}

/** Keyspaces and entries of a database, in this process: a command takes longer. */
async function read(directory: string) {
  const db = await open(directory, { readOnly: true });
  const asHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  const entries = Array.from(db.entriesSync(), ([key, value]): HexEntry => [
    asHex(key),
    asHex(value),
  ]);
  const content = { keyspaces: db.keyspaces(), entries };
  await db.close();
  return content;
}

/** A database that holds these entries and nothing else. */
const only = (entries: readonly HexEntry[]) => ({ keyspaces: ['default'], entries });

async function putOne(directory: string): Promise<void> {
  const db = await open(directory);
  await db.put('a', '1');
  await db.close();
}

/** One line, with this exit code. */
function expectFailure(result: Result, status: number, message: RegExp): void {
  expect(result).toMatchObject({ status, stdout: '' });
  const lines = result.stderr.split('\n').filter((line) => line.startsWith('nori: '));
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(message);
}

describe('import-leveldb', () => {
  it('copies every byte in key order and compares both sides', async () => {
    const entries: HexEntry[] = [
      ['', hex('empty key')],
      ['00', ''],
      ['00ff', '00ff0a09'],
      [hex('!sub!key'), hex('of a sublevel')],
      ['ff'.repeat(300), 'ab'.repeat(70_000)],
    ];
    const paths = stage(entries);
    const result = importInto(paths);
    expect(result).toMatchObject({ status: 0, stdout: '' });
    expect(result.stderr).toMatch(
      /^.* is opened by LevelDB itself, .*\ncreated the database .*\nimported 5 entries \(.*\) in .*\ncompared all entries in .*: both sides have the same 5, SHA-256 [0-9a-f]{64}\n$/,
    );
    expect(await read(paths.target)).toEqual(only(entries));
  });

  it('says nothing with --quiet, and makes an empty database of an empty one', async () => {
    const { source, target } = stage([]);
    const args = ['import-leveldb', source, '--to', target, '--quiet', '--set', 'compression=zstd'];
    expect(nori(args)).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(await read(target)).toEqual(only([]));
    // An empty database is as good as a new one.
    writeSource(source, manyEntries);
    expect(importInto({ source, target }).status).toBe(0);
    expect(await read(target)).toEqual(only(manyEntries));
  });

  it('goes on where a kill has ended it', async () => {
    const paths = killedImport();
    const { keyspaces, entries } = await read(paths.target);
    expect(keyspaces).toEqual(['default', 'import-leveldb']);
    const stored = entries.length;
    expect([20, 30]).toContain(stored);
    const again = importInto(paths);
    expect(again.stderr).toContain(`\ngoing on behind ${stored} entries of the last run\n`);
    expect(again.stderr).toMatch(/both sides have the same 100, /);
    expect(again.status).toBe(0);
    expect(await read(paths.target)).toEqual(only(manyEntries));
  });

  it('goes on with comparing where that was what a kill has ended', () => {
    const paths = stage();
    expect(importInto(paths, { STAND_IN_READS: '15' }).signal).toBe('SIGKILL');
    const again = importInto(paths);
    expect(again.stderr).toContain('going on behind 100 entries of the last run\ncompared');
    expect(again.status).toBe(0);
  });

  it('names the first difference, and knows another source and a target that was written to', async () => {
    const paths = killedImport();
    writeSource(paths.source, [...manyEntries, [hex('key 0007'), '']]);
    expectFailure(importInto(paths), 2, /the key "key 0007" is missing in the copy; .*destroy/);
    writeSource(paths.source, manyEntries.slice(1));
    expectFailure(importInto(paths), 2, /behind 0 entries .* the copy has the key "key 000"/);
    writeSource(paths.source, [[manyEntries[0][0], hex('new')], ...manyEntries.slice(1)]);
    expectFailure(importInto(paths), 2, /the value of "key 000" differs/);
    const other = stage([[hex('key 099'), hex('another')]]);
    const result = importInto({ source: other.source, target: paths.target });
    expectFailure(result, 73, /import of another LevelDB, or of this one before it was changed/);
    const db = await open(paths.target);
    await db.delete('not there');
    await db.close();
    expectFailure(importInto(paths), 73, /was written to after its import was interrupted/);
  });
});

describe('import-leveldb refuses', () => {
  it('a target that is not empty, before it opens the source', async () => {
    const paths = stage();
    await putOne(paths.target);
    const result = importInto(paths, { STAND_IN_CODE: 'LEVEL_LOCKED' });
    expectFailure(result, 73, /is not empty; import into a new database/);
    expect(await read(paths.target)).toEqual(only([['61', '31']]));
    expectFailure(importInto({ ...paths, target: paths.source }), 64, /is the LevelDB itself/);
    expectFailure(importInto({ ...paths, target: stage().source }), 64, /is a LevelDB, too/);
  });

  it('what is no LevelDB, leaving nothing in it', async () => {
    const { target } = stage();
    const empty = join(directory, 'empty');
    mkdirSync(empty);
    expectFailure(importInto({ source: empty, target }), 66, /holds no LevelDB/);
    expect(readdirSync(empty)).toEqual([]);
    expectFailure(importInto({ source: `${empty}/x`, target }), 66, /is not there/);
    await putOne(target);
    const ours = { source: target, target: `${target}-2` };
    expectFailure(importInto(ours), 66, /holds no LevelDB/);
    expect(existsSync(ours.target)).toBe(false);
  });

  it('to go without classic-level, and says what to install', () => {
    const { source, target } = stage();
    const args = ['import-leveldb', source, '--to', target];
    expectFailure(nori(args, {}, 'bare'), 66, /takes classic-level; .*npm install classic-level/);
    install('broken', 'throw new Error("No native build was found");');
    expectFailure(nori(args, {}, 'broken'), 66, /cannot be loaded: No native build was found/);
    install('overridden', 'exports.ClassicLevel = exports.NoriLevel = class {};');
    expectFailure(nori(args, {}, 'overridden'), 66, /is nori-level, by an override/);
    install('other', 'exports.something = 1;');
    expectFailure(nori(args, {}, 'other'), 66, /is something else/);
    expect(existsSync(target)).toBe(false);
  });

  it('a source that does not open, making no target', () => {
    const paths = stage();
    const failures: [string, number, RegExp][] = [
      ['LEVEL_LOCKED', 75, /lock LOCK: busy; end the program that has it open/],
      ['LEVEL_CORRUPTION', 2, /is damaged; ClassicLevel.repair/],
    ];
    for (const [code, status, message] of failures) {
      expectFailure(importInto(paths, { STAND_IN_CODE: code }), status, message);
    }
    expect(existsSync(paths.target)).toBe(false);
  });

  it('a key that is too long, and does not promise to go on', () => {
    const paths = stage([
      ['61', ''],
      ['ff'.repeat(70_000), ''],
    ]);
    expectFailure(importInto(paths), 1, /a key of 70000 bytes .* values 256 MiB$/);
  });

  it('to guess where to', () => {
    expectFailure(nori(['import-leveldb', stage().source]), 64, /required option '--to <db>'/);
  });
});
