import { expect, test } from 'vitest';
import { MemoryFileSystem, type File } from '../../src/fs.js';
import { open } from '../../src/index.js';

/** Writes of logs wait until they are let go, as on a slow disk. */
class SlowLogs extends MemoryFileSystem {
  #gate = Promise.resolve();
  #open: () => void = () => undefined;

  hold(): void {
    this.#gate = new Promise((resolve) => (this.#open = resolve));
  }

  letGo(): void {
    this.#open();
  }

  override async create(path: string): Promise<File> {
    const file = await super.create(path);
    if (!path.endsWith('.log')) return file;
    const slow = Object.create(file) as { write: File['write']; close: File['close'] };
    for (const name of ['read', 'truncate', 'sync', 'size', 'close'] as const) {
      Object.defineProperty(slow, name, { value: file[name].bind(file) });
    }
    slow.write = async (...parts) => {
      await this.#gate;
      return file.write(...parts);
    };
    return slow as unknown as File;
  }
}

test('a log write that waits its turn while the log is switched goes to the log it was meant for', async () => {
  const fs = new SlowLogs({ sync: false });
  const db = await open('/db', { fs, memtableBytes: 64 * 1024, syncIntervalMs: 0 });
  // The file for the next log is made in the background.
  await new Promise((resolve) => void setImmediate(resolve));
  fs.hold();
  const writes: Promise<void>[] = [];
  const nextTick = (): Promise<unknown> => new Promise((resolve) => void setImmediate(resolve));
  writes.push(db.put('first', '1'));
  await nextTick(); // its write is under way
  writes.push(db.put('second', '2'));
  await nextTick(); // its write waits behind it
  for (let i = 0; i < 10; i++) writes.push(db.put(`large ${i}`, new Uint8Array(8000)));
  expect(db.stats().log.files).toBe(2);
  fs.letGo();
  await Promise.all(writes);
  await db.close();
  const again = await open('/db', { fs, keyEncoding: 'utf8' });
  expect((await again.keys().nextMany(100)).length).toBe(12);
  await again.close();
});
