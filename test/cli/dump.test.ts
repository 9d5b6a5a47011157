import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  contentOf,
  ended,
  ensureBuilt,
  makeTemporaryDirectory,
  nori,
  run,
  start,
} from './command.js';

const directory = makeTemporaryDirectory();
const db = join(directory, 'db');

beforeAll(() => {
  ensureBuilt();
  run(['load', db, '-'], Array.from({ length: 500 }, (_, i) => `key ${i}\tvalue ${i}\n`).join(''));
  run(['compact', db, '-q']);
  run(['put', db, 'hex:00ff9b', 'späte \u001b[31m Wörter']);
  run(['delete', db, 'key 5']);
});

function fileOf(database: string, pattern: RegExp): string {
  const names = readdirSync(database).filter((name) => pattern.test(name));
  return join(database, names.sort().at(-1)!);
}

function copyOf(name: string): string {
  const path = join(directory, name);
  cpSync(db, path, { recursive: true });
  return path;
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] ^= 0x04;
  writeFileSync(path, bytes);
}

/** The lines of `--json`. */
function facts(args: string[]): Record<string, unknown>[] {
  const { stdout } = nori(['dump', ...args, '--json']);
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('dump of a file', () => {
  it('shows a log', () => {
    const text = run(['dump', fileOf(db, /log$/)]);
    expect(text).toMatch(/^0 +a log: \d+ B, format 1, database [0-9a-f]{16}, file [0-9a-f]{16}$/m);
    expect(text).toMatch(/^\d+ +batch of 1 operation, seq 501, \d+ bytes, log synced up to \d+$/m);
    expect(text).toMatch(/^ +501 put keyspace 0 0x00ff9b = "späte \\u001b\[31m Wörter"$/m);
    expect(text).toMatch(/^ +502 delete keyspace 0 "key 5"$/m);
    expect(text).toMatch(/^\d+ +end: 2 records, 2 entries, no damage\n$/m);
  });

  it('shows a table, with and without its entries', () => {
    const table = fileOf(db, /sst$/);
    const text = run(['dump', table]);
    expect(text).toMatch(/^ +smallest: "key 0"\n +largest: "key 99"$/m);
    expect(text).toMatch(/^56 +data block: \d+ bytes, \w+ of \d+, \d+ entries$/m);
    expect(text).toMatch(/^ +12 put "key 11" = "value 11"$/m);
    expect(run(['dump', table, '--no-entries'])).not.toContain('value 11');
    const entries = facts([table]).filter(({ type }) => type === 'entry');
    expect(entries.length).toBe(500);
    expect(entries[0]).toEqual({
      type: 'entry',
      seq: 1,
      kind: 'put',
      key: 'key 0',
      value: 'value 0',
    });
  });

  it('shows a manifest and CURRENT', () => {
    const manifest = fileOf(db, /MANIFEST/);
    const text = run(['dump', manifest]);
    expect(text).toMatch(/^ +keyspace 0 added: "default"$/m);
    const added = facts([manifest]).flatMap(
      ({ edit }) => (edit as { addedTables?: unknown[] } | undefined)?.addedTables ?? [],
    );
    expect(added.at(-1)).toMatchObject({
      smallest: 'key 0',
      tableId: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
    const number = Number(/\d+$/.exec(manifest)![0]);
    expect(run(['dump', join(db, 'CURRENT')])).toMatch(`names manifest ${number},`);
  });

  it('prints long keys and values cut as text, whole as JSON', () => {
    const path = join(directory, 'long');
    run(['put', path, 'k'.repeat(1000), '-'], 'ü'.repeat(5000));
    const log = fileOf(path, /log$/);
    expect(run(['dump', log])).toMatch(/"k{60}"… \(1000 bytes\) = "ü{30}"… \(10000 bytes\)$/m);
    expect(facts([log])[2]).toMatchObject({ key: 'k'.repeat(1000), value: 'ü'.repeat(5000) });
  });

  it('names damage by its offset, goes on behind it, and ends with 2', () => {
    const broken = copyOf('broken');
    const log = fileOf(broken, /log$/);
    flip(log, 104 + 20);
    const result = nori(['dump', log]);
    expect(result.status).toBe(2);
    expect(result.stdout).toMatch(
      /^104 +DAMAGE, \d+ bytes: fragment checksum 0x[0-9a-f]{8} expected, 0x[0-9a-f]{8} found; one flipped bit explains it: bit \d of byte \d+$/m,
    );
    expect(result.stdout).toMatch(/behind damage: it does not count\n +502 delete/);
    expect(result.stderr).toBe(
      `nori: ${log}: 1 damaged place; nothing was changed; restore the database from a backup\n`,
    );
    const table = fileOf(broken, /sst$/);
    flip(table, readFileSync(table).length - 30);
    const withoutFooter = nori(['dump', table]);
    expect(withoutFooter.status).toBe(2);
    expect(withoutFooter.stdout.match(/^ +\d+ put /gm)?.length).toBe(500);
  });

  it('follows a link that it is given', () => {
    const link = join(directory, 'link');
    symlinkSync(fileOf(db, /log$/), link);
    expect(run(['dump', link])).toBe(run(['dump', fileOf(db, /log$/)]));
  });

  it('refuses what is no file of ours, in one line', () => {
    const letter = join(directory, 'letter.txt');
    writeFileSync(letter, 'dear …');
    for (const [path, message] of [
      [letter, /is no file of a nori-lsm database/],
      [join(directory, 'nowhere'), /no such file/],
    ] as const) {
      const result = nori(['dump', path]);
      expect(result).toMatchObject({ status: 66, stdout: '' });
      expect(result.stderr).toMatch(message);
      expect(result.stderr).toMatch(/^nori: [^\n]+; [^\n]+\n$/);
    }
  });

  it('ends quietly when its reader goes away', async () => {
    const path = join(directory, 'large');
    run(['load', path, '-', '-q'], Array.from({ length: 40_000 }, (_, i) => `${i}\tv\n`).join(''));
    const child = start(['dump', fileOf(path, /log$/)]);
    let stderr = '';
    child.stderr.on('data', (chunk) => (stderr += chunk));
    child.stdout.once('data', () => child.stdout.destroy());
    expect(await ended(child)).toBe(0);
    expect(stderr).toBe('');
  });
});

describe('dump of a directory', () => {
  it('tells what each file is for, and changes nothing', () => {
    const before = contentOf(db);
    const text = run(['dump', db]);
    expect(text).toMatch(
      /: database [0-9a-f]{16}, MANIFEST-\d+, last seq \d+, keyspaces: default$/m,
    );
    expect(text).toMatch(
      /^\d+\.sst +[\d.]+ KiB +in use: default, L1, 500 entries, "key 0" … "key 99"$/m,
    );
    expect(text).toMatch(/^\d+\.log +\d+ B +in use$/m);
    expect(contentOf(db)).toEqual(before);
    expect(facts([db]).filter(({ type }) => type === 'file').length).toBe(readdirSync(db).length);
  });

  it('of a database that does not open says why, and lists its files', () => {
    const path = copyOf('no-manifest');
    rmSync(fileOf(path, /MANIFEST/));
    expect(nori(['scan', path]).status).toBe(2);
    const result = nori(['dump', path]);
    expect(result.status).toBe(2);
    expect(result.stdout).toMatch(/: no manifest can be read\nDAMAGE: .* which is missing/);
    expect(result.stdout).toMatch(/^\d+\.sst +[\d.]+ KiB +unknown: no manifest tells$/m);
  });

  it('names a table that is missing', () => {
    const path = copyOf('no-table');
    rmSync(fileOf(path, /sst$/));
    const result = nori(['dump', path]);
    expect(result.status).toBe(2);
    expect(result.stdout).toMatch(/^\d+\.sst +0 B +MISSING: default, L1/m);
  });

  it('takes several files', () => {
    const text = run(['dump', join(db, 'CURRENT'), fileOf(db, /log$/)]);
    expect(text.match(/^==> .* <==$/gm)?.length).toBe(2);
  });

  it('refuses a directory of something else, an empty and a missing one', () => {
    const other = join(directory, 'other');
    mkdirSync(other);
    expect(nori(['dump', other])).toMatchObject({ status: 66, stdout: '' });
    writeFileSync(join(other, 'letter.txt'), 'dear …');
    expect(nori(['dump', other])).toMatchObject({ status: 66, stdout: '' });
  });
});
