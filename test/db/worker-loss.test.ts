import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { open, type BackgroundErrorEvent, type Database } from '../../src/index.js';
import { script } from './scripted-executor.js';

vi.mock('../../src/compaction/worker-executor.js', async () => {
  const { ScriptedExecutor } = await import('./scripted-executor.js');
  return { WorkerExecutor: ScriptedExecutor, canUseWorkers: () => true };
});

let folder: string;
let db: Database<string, string>;
let errors: BackgroundErrorEvent[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nori-loss-'));
  Object.assign(script, { flush: [], compaction: [], names: [] });
  errors = [];
});
afterEach(async () => {
  await db.close();
  rmSync(folder, { recursive: true });
});

async function openHere(): Promise<void> {
  db = await open(folder, {
    keyEncoding: 'utf8',
    valueEncoding: 'utf8',
    memtableBytes: 64 * 1024,
    maxImmutableMemtables: 2,
    listeners: { backgroundError: (event) => errors.push(event) },
  });
}

function tablesOnDisk(): number[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.sst'));
  return names.map((name) => parseInt(name, 10)).sort((a, b) => a - b);
}

/** Writes until a write is refused; gives the error and the keys that were taken. */
async function writeUntilRefused(): Promise<{ refused: unknown; taken: string[] }> {
  const taken: string[] = [];
  for (let i = 0; i < 1000; i++) {
    const key = `k${i}`;
    try {
      await db.put(key, 'x'.repeat(5000));
      taken.push(key);
    } catch (refused) {
      expect(db.hasSync(key)).toBe(false);
      return { refused, taken };
    }
  }
  throw new Error('no write was refused');
}

const kinds = ['flush', 'compaction'] as const;

/** Has a job of this kind done, which somebody awaits. */
async function work(kind: 'flush' | 'compaction'): Promise<void> {
  await db.put('a', '1');
  await db.put('z', '1');
  await db.flush();
  if (kind === 'compaction') {
    await db.put('a', '2');
    await db.compactRange();
  }
}

describe.each(kinds)('a %s whose workers die', (kind) => {
  it('is run again at once, under new file numbers, and nobody hears of it', async () => {
    await openHere();
    script[kind] = ['dies', 'dies', 'done'];
    await work(kind);
    expect(errors).toEqual([]);
    expect(db.stats().background).toMatchObject({ workersLost: 2, error: undefined });
    const names = script.names.flat();
    expect(new Set(names).size).toBe(names.length);
    expect(db.getSync('a')).toBe(kind === 'flush' ? '1' : '2');
  });

  it('is done in this thread after the third, and says so', async () => {
    await openHere();
    script[kind] = ['dies', 'dies', 'dies', 'done'];
    await work(kind);
    expect(errors).toMatchObject([
      {
        during: kind,
        keyspace: 'default',
        fatal: false,
        error: {
          code: 'LSM_ABORTED',
          message: expect.stringMatching(/3 workers.*ended with code 1.*main thread/) as string,
        },
      },
    ]);
    expect(db.stats().background).toMatchObject({
      workersLost: 3,
      error: undefined,
      executor: 'worker',
    });
    // The next one goes to a worker again.
    const before = script.names.length;
    await db.put('b', '1');
    await db.flush();
    expect(script.names.length).toBe(before + 1);
  });

  it('fails when they run out of memory: the program must not, too', async () => {
    await openHere();
    script[kind] = ['out of memory'];
    await expect(work(kind)).rejects.toMatchObject({
      code: 'LSM_ABORTED',
      cause: { cause: { code: 'ERR_WORKER_OUT_OF_MEMORY' } },
    });
    expect(errors.length).toBeGreaterThan(0);
    expect(errors[0]).toMatchObject({ during: kind, keyspace: 'default', fatal: false });
    expect(db.stats().background.error).toMatch(/3 workers.*out of memory.*tried again/);
    expect(db.getSync('a')).toBeDefined();
    script[kind] = ['done'];
    await work(kind);
    expect(db.stats().background.error).toBe(undefined);
  });

  it('fails when one of them ran out of memory and others died', async () => {
    await openHere();
    script[kind] = ['out of memory', 'dies', 'dies', 'done'];
    await expect(work(kind)).rejects.toMatchObject({ code: 'LSM_ABORTED' });
  });

  it('is done in this thread for good where no worker can start', async () => {
    await openHere();
    // What goes before must not have been done by a worker.
    script.flush = script.compaction = ['no start'];
    await work(kind);
    expect(errors).toEqual([]);
    expect(db.stats().background).toMatchObject({ workersLost: 0, executor: 'inline' });
    expect(db.getSync('a')).toBe(kind === 'flush' ? '1' : '2');
  });

  it('comes back to workers where one could not start once', async () => {
    await openHere();
    await work('flush');
    script[kind] = ['no start', 'done'];
    await work(kind);
    expect(errors).toEqual([]);
    expect(db.stats().background).toMatchObject({ workersLost: 1, executor: 'worker' });
  });
});

describe('while flushes lose all their workers', () => {
  it('writes go on until memtables are full, then are refused, and go on when one succeeds', async () => {
    await openHere();
    script.flush = ['out of memory'];
    const { refused, taken } = await writeUntilRefused();
    // All of them: the one that takes writes, and the two that wait.
    expect(db.stats().memtables.immutable).toBe(2);
    expect(taken.length * 5000).toBeGreaterThan(2 * 64 * 1024);
    expect(refused).toMatchObject({
      code: 'LSM_ABORTED',
      message: expect.stringContaining('out of memory') as string,
    });
    expect(() => db.putSync('sync', 'x'.repeat(5000))).toThrow(
      expect.objectContaining({ code: 'LSM_ABORTED' }),
    );
    expect(db.hasSync('sync')).toBe(false);
    for (const key of taken) expect(db.hasSync(key)).toBe(true);
    script.flush = ['done'];
    // A synchronous writer does not wait for the pause to end.
    db.putSync('sync', 'x');
    await db.put('after', 'x');
    await db.flush();
    expect(tablesOnDisk().length).toBe(db.stats().levels.reduce((sum, l) => sum + l.tables, 0));
    await db.close();
    await openHere();
    for (const key of [...taken, 'sync', 'after']) expect(db.hasSync(key)).toBe(true);
  });

  it('asynchronous writers go on by themselves', async () => {
    await openHere();
    script.flush = ['out of memory'];
    const { taken } = await writeUntilRefused();
    script.flush = ['done'];
    const flushed = new Promise<void>((resolve) => void db.on('flush', () => resolve()));
    await flushed;
    await db.put('after', 'x');
    for (const key of [...taken, 'after']) expect(db.hasSync(key)).toBe(true);
  });

  it('closing ends, and the next open has everything', async () => {
    await openHere();
    script.flush = ['out of memory'];
    const { taken } = await writeUntilRefused();
    await db.close();
    script.flush = ['done'];
    await openHere();
    for (const key of taken) expect(db.hasSync(key)).toBe(true);
  });
});
