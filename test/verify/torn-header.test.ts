import { expect, test } from 'vitest';
import { open, repair } from '../../src/index.js';
import { verifyDatabase } from '../../src/inspect.js';
import { loadDatabase } from '../format/fixtures.js';

/** After a crash: the log in use, and one that was made ahead, still empty. */
const directory = '/db';
const logInUse = '/db/000017.log';
const nextLog = '/db/000019.log';

test('the header of a log that a crash has torn is no damage: not to open, verify or repair', async () => {
  const fs = loadDatabase('v1', 'crashed');
  const header = fs.readBytes(logInUse).subarray(0, 104);
  for (let length = 1; length < header.length; length++) {
    const torn = fs.clone();
    torn.writeBytes(nextLog, header.subarray(0, length));
    expect((await verifyDatabase(directory, { fs: torn })).damages, `${length} bytes`).toEqual([]);
    if (length % 16 !== 1) continue;
    expect((await repair(directory, { fs: torn })).outcome).toBe('sound');
    const db = await open(directory, { fs: torn });
    expect(await db.get('batch a')).toBeDefined();
    await db.close();
  }
});

test('but it is, when something was written behind it', async () => {
  const fs = loadDatabase('v1', 'crashed');
  const bytes = fs.readBytes(logInUse);
  bytes.fill(0x55, 0, 60);
  fs.writeBytes(logInUse, bytes);
  const { damages } = await verifyDatabase(directory, { fs });
  expect(damages.map(({ file }) => file)).toContain(logInUse);
});
