import { expect, test } from 'vitest';
import type { Clock } from '../../src/base/clock.js';
import { MemoryFileSystem } from '../../src/fs.js';
import { open } from '../../src/index.js';

const KiB = 1024;

/** Each look at it takes two milliseconds. */
class SlowClock implements Clock {
  #nowMs = 0;

  wallMs(): number {
    return 0;
  }

  monotonicMs(): number {
    return (this.#nowMs += 2);
  }

  after(_delayMs: number, run: () => void): () => void {
    const pending = setImmediate(run);
    return () => clearImmediate(pending);
  }

  nextTurn(run: () => void): void {
    setImmediate(run);
  }

  sleepSync(): void {
    // Nothing happens meanwhile.
  }
}

test('writes that waited are let in a few at a time, between turns of the event loop', async () => {
  const db = await open('/db', {
    fs: new MemoryFileSystem(),
    clock: new SlowClock(),
    memtableBytes: 1024 * KiB,
    maxImmutableMemtables: 1,
    maxQueuedBytes: 16 * 1024 * KiB,
  });
  const value = 'v'.repeat(200);
  const done: Promise<void>[] = [];
  for (let i = 0; i < 20_000; i++) done.push(db.put(`key ${i}`, value));
  let { waiting } = db.stats().stalls;
  expect(waiting).toBeGreaterThan(10_000);
  let most = 0;
  while (waiting > 0) {
    await new Promise((resolve) => void setImmediate(resolve));
    const now = db.stats().stalls.waiting;
    most = Math.max(most, waiting - now);
    waiting = now;
  }
  await Promise.all(done);
  // A memtable takes 4,500 of them.
  expect(most).toBeLessThan(2000);
  expect(db.keysSync().nextMany(30_000)).toHaveLength(20_000);
  await db.close();
});
