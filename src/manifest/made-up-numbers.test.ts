import { expect, test } from 'vitest';
import { MemoryFileSystem } from '../fs/memory-file-system.js';
import { open, type LsmError } from '../index.js';
import { runAsync } from '../base/task.js';
import { LogWriter } from '../wal/log-writer.js';
import { encodeCurrent } from './current-file.js';
import { encodeEdit } from './edit-codec.js';
import type { VersionEdit } from './version-edit.js';

const most = Number.MAX_SAFE_INTEGER;
const id = { low: 1, high: 2 };

/** A database whose manifest says what no database of ours comes to say. */
async function databaseWith(edit: VersionEdit): Promise<MemoryFileSystem> {
  const fs = new MemoryFileSystem();
  await fs.makeDirectory('/db');
  const path = '/db/MANIFEST-000001';
  const writer = await runAsync(
    LogWriter.create({ fs, path, kind: 'manifest', fileId: id, databaseId: id }),
  );
  const first: VersionEdit = {
    addedKeyspaces: [{ id: 0, name: 'default' }],
    nextKeyspaceId: 1,
    lastSeq: 5,
    nextFileNumber: 10,
    logNumber: 0,
    isSnapshotEnd: true,
  };
  writer.append(encodeEdit({ ...first, ...edit }));
  await writer.flush().wait();
  await writer.sync().wait();
  await runAsync(writer.close());
  const current = { databaseId: id, manifestNumber: 1, manifestFileId: id };
  fs.writeBytes('/db/CURRENT', encodeCurrent(current, id));
  return fs;
}

/** Writes until something is refused, with the damage of what is made up named; then everything acknowledged is there. */
async function writeAndReopen(fs: MemoryFileSystem, rounds = 3): Promise<void> {
  const stored: string[] = [];
  for (let round = 0; round < rounds; round++) {
    try {
      const db = await open('/db', { fs });
      try {
        await db.put(`key ${round}`, 'value');
        stored.push(`key ${round}`);
        await db.keyspace(`keyspace ${round}`);
        await db.flush();
      } finally {
        await db.close();
      }
    } catch (error) {
      // An edit that is refused makes the handle read-only, with the reason as its cause.
      const { code, cause } = error as LsmError;
      const why = code === 'LSM_FAILED' ? (cause as LsmError).code : code;
      expect(['LSM_CORRUPTION', 'LSM_TOO_LARGE']).toContain(why);
    }
    const db = await open('/db', { fs, readOnly: true });
    for (const key of stored) expect(await db.get(key), key).toBeDefined();
    await db.close();
  }
}

test.each([most, most - 1, most - 5, most - 500, most - 1001, most - 3000])(
  'a manifest that has %i as its next file number never makes one that cannot be read',
  async (nextFileNumber) => {
    await writeAndReopen(await databaseWith({ nextFileNumber }));
  },
);

test.each(['9007199254740991.sst', '9007199254740990.log', '9007199254740000.sst'])(
  'nor does a file with the name %s',
  async (name) => {
    const fs = await databaseWith({ logNumber: 0 });
    fs.writeBytes(`/db/${name}`, new Uint8Array(0));
    await writeAndReopen(fs);
  },
);

test.each([most, most - 1, most - 2])(
  'nor does one that has %i as its next keyspace id',
  async (nextKeyspaceId) => {
    await writeAndReopen(await databaseWith({ nextKeyspaceId }));
  },
);

test('nor do counters that have come to their end', async () => {
  const counters = {
    userBytes: most,
    walBytes: most,
    flushBytes: most,
    read: [most],
    written: [most],
  };
  await writeAndReopen(await databaseWith({ counters: [{ keyspaceId: 0, counters }] }));
});
