import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
let databases = 0;

beforeAll(ensureBuilt);

/** 300 lines in a table of small blocks, and the path of that table. */
function makeDatabase(): { readonly path: string; readonly table: string } {
  const path = join(directory, `db-${++databases}`);
  const lines = Array.from({ length: 300 }, (_, i) => `key-${1000 + i}\tvalue ${i}\n`).join('');
  run(['load', path, '-', '-q', '--set', 'blockSizeBytes=512'], lines);
  run(['compact', path, '-q', '--set', 'blockSizeBytes=512', '--set', 'compression=none']);
  const name = readdirSync(path).find((each) => each.endsWith('.sst'))!;
  return { path, table: join(path, name) };
}

function damage(file: string, at: number): void {
  const bytes = readFileSync(file);
  for (let i = at; i < at + 4; i++) bytes[i] ^= 0xff;
  writeFileSync(file, bytes);
}

describe('repair', () => {
  it('has nothing to do with a sound database', () => {
    const { path } = makeDatabase();
    const before = contentOf(path);
    const { status, stdout, stderr } = nori(['repair', path]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toBe(`sound: ${path} has nothing to repair; nothing was changed\n`);
    expect(contentOf(path)).toEqual(before);
  });

  it('saves what can be read, says what cannot, and forgets it when told to', () => {
    const { path, table } = makeDatabase();
    damage(table, 2000);
    expect(nori(['scan', path]).status).toBe(2);

    const planned = nori(['repair', path, '--dry-run']);
    expect(planned.status).toBe(2);
    expect(planned.stdout).toMatch(/^damage: block checksum /);
    expect(planned.stdout).toMatch(
      /\nlost: keys "key-\d+" to "key-\d+" of keyspace default may be missing or have an older value \(.* at byte \d+ of .*\.sst\)\n/,
    );
    expect(planned.stdout).toMatch(/\nrepairable: 1 place lost\n$/);
    expect(planned.stderr).toMatch(/^nori: .* nothing was changed; run it without --dry-run\n$/);
    expect(nori(['scan', path]).status).toBe(2);

    const refused = nori(['repair', path, '--discard-lost']);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toMatch(/Nothing was removed; run nori repair first/);

    const repaired = nori(['repair', path]);
    expect(repaired.status).toBe(2);
    expect(repaired.stdout).toMatch(
      /\ntables: 0 kept, 1 rewritten; 2\d\d entries of damaged ones saved\n/,
    );
    expect(repaired.stdout).toMatch(/\nmoved to .*\/lost: \d+\.sst\nrepaired: 1 place lost\n$/);
    expect(repaired.stderr).toMatch(/ opens again, but one place could not be saved; /);
    expect(run(['verify', path])).toMatch(/^clean: /m);
    const lines = run(['scan', path]).split('\n').length;
    expect(lines).toBeGreaterThan(270);
    expect(lines).toBeLessThan(300);

    expect(readdirSync(join(path, 'lost'))).toHaveLength(1);
    expect(run(['repair', path, '--discard-lost'])).toMatch(/^removed 1 file, .*, from .*lost\n$/);
    expect(existsSync(join(path, 'lost'))).toBe(false);
  });

  it('rebuilds a lost manifest, and says what that means', () => {
    const { path } = makeDatabase();
    for (const name of readdirSync(path)) {
      if (name === 'CURRENT' || name.startsWith('MANIFEST')) rmSync(join(path, name));
    }
    const { status, stdout } = nori(['repair', path]);
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /\nmanifest: lost; concluded from tables and logs: keys that were deleted may be there again\n/,
    );
    expect(stdout).toMatch(/\nrepaired: nothing is lost\n$/);
    expect(run(['scan', path]).split('\n')).toHaveLength(301);
  });

  it('gives the report as JSON', () => {
    const { path, table } = makeDatabase();
    damage(table, 2000);
    const { status, stdout } = nori(['repair', path, '--json']);
    expect(status).toBe(2);
    const report = JSON.parse(stdout) as { readonly lost: readonly object[] };
    expect(report).toMatchObject({
      outcome: 'repaired',
      manifest: 'kept',
      tables: { rewritten: 1 },
    });
    expect(report.lost[0]).toMatchObject({ file: table, keyspace: 'default' });
  });

  it('refuses what is missing, foreign, or open', async () => {
    expect(nori(['repair', join(directory, 'none')]).status).toBe(66);
    const foreign = join(directory, 'foreign');
    mkdirSync(foreign);
    writeFileSync(join(foreign, 'notes.txt'), 'mine');
    expect(nori(['repair', foreign]).status).toBe(66);
    expect(readdirSync(foreign)).toEqual(['notes.txt']);

    const { path } = makeDatabase();
    const writer = start(['load', path, '-', '--ack', '--batch-size', '1']);
    writer.stdin.write('a\t1\n');
    await new Promise((resolve) => writer.stdout.once('data', resolve));
    const refused = nori(['repair', path]);
    expect(refused.status).toBe(75);
    expect(refused.stderr).toMatch(/^nori: /);
    writer.stdin.end();
    expect(await ended(writer)).toBe(0);
  });
});
