import { expect, test } from 'vitest';
import { MemoryFileSystem, RecordingFileSystem } from '../../src/fs.js';
import { open } from '../../src/index.js';

test('a reverse scan ends at the first block of a table, also when its lower bound lies before', async () => {
  let reads = 0;
  const fs = new RecordingFileSystem(new MemoryFileSystem(), {
    beforeCall: (operation) => {
      // A cursor that asks for the same block for ever would hang the test.
      if (operation === 'read' && ++reads > 1000) throw new Error('too many reads');
    },
  });
  const options = { keyEncoding: 'utf8', compression: 'none', blockSizeBytes: 1024 } as const;
  const db = await open('/db', { fs, blockCacheBytes: 0, ...options });
  for (let i = 0; i < 20; i++) await db.put(`k${String(i).padStart(2, '0')}`, new Uint8Array(500));
  await db.flush();
  for (const range of [{ gte: 'a' }, { gt: 'k00' }, { gte: 'k00' }, { prefix: 'k' }, {}]) {
    reads = 0;
    const expected = 'gt' in range ? 19 : 20;
    expect([...db.keysSync({ ...range, reverse: true })].length).toBe(expected);
    expect((await db.keys({ ...range, reverse: true }).nextMany(100)).length).toBe(expected);
  }
  await db.close();
});
