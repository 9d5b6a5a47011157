import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { open } from '../../src/index.js';
import { verifyDatabase } from '../../src/verify/verify-database.js';

const before = process.cwd();
const directory = mkdtempSync(join(tmpdir(), 'nori-cwd-'));

afterEach(() => {
  process.chdir(before);
  rmSync(directory, { recursive: true, force: true });
});

test('a database stays where it was opened when the program changes its working directory', async () => {
  const [first, second] = ['first', 'second'].map((name) => join(directory, name));
  for (const path of [first, second]) mkdirSync(path);
  process.chdir(first);
  const db = await open('data', { keyEncoding: 'utf8', valueEncoding: 'utf8', executor: 'inline' });
  await db.put('a', '1');
  process.chdir(second);
  await db.flush();
  await db.checkpoint('copy');
  await db.put('b', '2');
  await db.close();
  expect(readdirSync(first)).toEqual(['data']);
  expect(readdirSync(second)).toEqual(['copy']);
  for (const path of [join(first, 'data'), join(second, 'copy')]) {
    expect((await verifyDatabase(path)).damages).toEqual([]);
  }
  const again = await open(join(first, 'data'), { valueEncoding: 'utf8' });
  expect([...again.valuesSync()]).toEqual(['1', '2']);
  await again.close();
});
