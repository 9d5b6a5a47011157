import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { nodeFileSystem } from '../../src/fs.js';
import { open } from '../../src/index.js';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nori-links-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

it('a link planted in a database leads neither reads nor writes out of it', async () => {
  const path = join(directory, 'db');
  const victim = join(directory, 'victim');
  writeFileSync(victim, 'precious');
  await (await open(path, { executor: 'inline' })).close();
  symlinkSync(victim, join(path, 'CURRENT.tmp'));
  await expect(open(path, { executor: 'inline' })).rejects.toMatchObject({ code: 'LSM_IO' });
  expect(readFileSync(victim, 'utf8')).toBe('precious');
  await expect(nodeFileSystem.open(join(path, 'CURRENT.tmp'))).rejects.toMatchObject({
    code: 'ELOOP',
  });
});

it('a database directory may be reached through a link', async () => {
  const path = join(directory, 'link');
  await (await open(join(directory, 'db'), { executor: 'inline' })).close();
  symlinkSync(join(directory, 'db'), path);
  const db = await open(path, { executor: 'inline' });
  await db.put('a', '1');
  await db.close();
});
