import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MemoryFileSystem } from '../../src/fs.js';
import { isLsmError, open, repair } from '../../src/index.js';
import { inspectDirectory, inspectFile } from '../../src/inspect.js';
import { ensureBuilt, nori } from '../cli/command.js';
import { reportCounts } from '../support/counts.js';
import { loadDatabase, pathsOf, versions } from './fixtures.js';
import { fromTheFuture } from './patch.js';

/*
 * T11: what a newer version wrote is refused by every tool too, with its version in
 * the message, whatever the kind of file; and no tool changes anything of it.
 */
const version = versions.at(-1)!;
const kinds = ['CURRENT', 'MANIFEST', 'log', 'sst'] as const;
const newer = /format version 2\b/;
const counts = { refusals: 0 };
let place: string;

beforeAll(() => {
  ensureBuilt();
  place = mkdtempSync(join(tmpdir(), 'nori-newer-'));
});

afterAll(() => {
  rmSync(place, { recursive: true });
  reportCounts('T11', 'refusals by tools', counts, { refusals: 25 });
});

/** A database in which one file is of the next format version. */
function withNewer(kind: (typeof kinds)[number]): { fs: MemoryFileSystem; path: string } {
  const fs = loadDatabase(version, 'unflushed');
  const [path] = pathsOf(fs, kind);
  fs.writeBytes(path, fromTheFuture(fs.readBytes(path), { version: 2 }));
  return { fs, path };
}

/** The same on a real disk, for the command. */
function onDisk(kind: (typeof kinds)[number]): { directory: string; file: string } {
  const { fs, path } = withNewer(kind);
  const directory = join(place, `${kind}-${counts.refusals}`);
  mkdirSync(directory);
  for (const [name, bytes] of fs.snapshotFiles()) {
    writeFileSync(join(directory, name.slice('/db/'.length)), bytes);
  }
  return { directory, file: join(directory, path.slice('/db/'.length)) };
}

async function messageOf(run: () => Promise<unknown>): Promise<string> {
  try {
    return `no error: ${JSON.stringify(await run())}`;
  } catch (error) {
    return isLsmError(error, 'LSM_UNSUPPORTED_FORMAT') ? error.message : String(error);
  }
}

describe.each(kinds)('a newer %s', (kind) => {
  it('is refused by inspectFile, or told of as what it is', async () => {
    const { fs, path } = withNewer(kind);
    const told: string[] = [];
    const walk = async (): Promise<void> => {
      for await (const fact of inspectFile(path, { fs })) {
        if (fact.type === 'damage') told.push(fact.what);
      }
    };
    const message = await messageOf(walk);
    expect(told.join() + message).toMatch(newer);
    counts.refusals++;
  });

  it('is refused by inspectDirectory, or shown with its version', async () => {
    const { fs, path } = withNewer(kind);
    const look = async (): Promise<void> => {
      const { files } = await inspectDirectory('/db', { fs });
      const problem = files.find(({ name }) => path.endsWith(name))?.problem;
      if (problem !== undefined) throw new Error(problem);
    };
    const message = await messageOf(look);
    // What a table uses stands in its footer, which is not read at first sight.
    if (kind === 'sst') return;
    expect(message).toMatch(newer);
    counts.refusals++;
  });

  it('is refused by repair, which changes nothing', async () => {
    const { fs } = withNewer(kind);
    const before = fs.snapshotFiles();
    expect(await messageOf(() => repair('/db', { fs }))).toMatch(newer);
    expect(fs.snapshotFiles()).toEqual(before);
    counts.refusals++;
  });

  it('is refused by the command', () => {
    const { directory, file } = onDisk(kind);
    const commands: (readonly string[])[] = [
      ['verify', directory],
      ['scan', directory],
      ['dump', file],
      ['get', directory, 'user:0012'],
      ['put', directory, 'a', 'b'],
    ];
    for (const [name, ...rest] of commands) {
      // A writer opens a table when it needs it.
      if (kind === 'sst' && name === 'put') continue;
      const { status, stdout, stderr } = nori([name, ...rest]);
      expect(`${stdout}\n${stderr}`, name).toMatch(newer);
      expect(status, name).not.toBe(0);
      counts.refusals++;
    }
  });
});

it('and the files are those of a database that opens when they are of this version', async () => {
  const fs = loadDatabase(version, 'unflushed');
  const db = await open('/db', { fs, readOnly: true });
  expect(db.getSync('user:0012')).toBeDefined();
  await db.close();
});
