import { describe, expect, it } from 'vitest';
import { BackOff } from '../../src/db/back-off.js';
import { MemoryFileSystem, RecordingFileSystem } from '../../src/fs.js';
import { open, type BackgroundErrorEvent, type Database } from '../../src/index.js';
import { JumpingClock } from '../support/jumping-clock.js';
import { eventually } from '../support/gated-disk.js';

/** A clock whose timers run when the test says so. Not for writers that are slowed down. */
class ManualClock extends JumpingClock {
  readonly timers: { readonly delayMs: number; readonly run: () => void }[] = [];

  override after(delayMs: number, run: () => void): () => void {
    const timer = { delayMs, run };
    this.timers.push(timer);
    return () => {
      const at = this.timers.indexOf(timer);
      if (at >= 0) this.timers.splice(at, 1);
    };
  }

  /** Runs the timers of a pause between tries; those of the engine's other habits stay. */
  runPauses(): number[] {
    const due = this.timers.filter(({ delayMs }) => isPause(delayMs));
    for (const timer of due) {
      this.timers.splice(this.timers.indexOf(timer), 1);
      timer.run();
    }
    return due.map(({ delayMs }) => delayMs);
  }
}

const pauses = [50, 100, 200, 400, 800, 1600, 3200, 5000];
function isPause(delayMs: number): boolean {
  return pauses.includes(delayMs);
}

describe('BackOff', () => {
  it('waits twice as long each time, up to five seconds, and begins anew after a success', () => {
    const clock = new ManualClock();
    let due = 0;
    const backOff = new BackOff(clock, () => due++);
    const delays: number[] = [];
    for (let i = 0; i < 10; i++) {
      backOff.failed();
      expect(backOff.isWaiting).toBe(true);
      delays.push(...clock.runPauses());
      expect(backOff.isWaiting).toBe(false);
    }
    expect(delays).toEqual([...pauses, 5000, 5000]);
    expect({ due, failures: backOff.failures }).toEqual({ due: 10, failures: 10 });
    backOff.succeeded();
    backOff.failed();
    expect(clock.timers.map(({ delayMs }) => delayMs)).toEqual([50]);
    backOff.skip();
    expect(backOff.isWaiting).toBe(false);
    expect(clock.timers).toEqual([]);
    expect(due).toBe(10);
  });
});

/** A disk on which chosen calls fail while `fails` is set. */
class Disk {
  fails: { readonly operation: RegExp; readonly path: RegExp } | undefined;
  tries = 0;
  readonly fs = new RecordingFileSystem(new MemoryFileSystem(), {
    beforeCall: (operation, path) => {
      if (this.fails?.operation.test(operation) !== true || !this.fails.path.test(path)) return;
      this.tries++;
      throw Object.assign(new Error('ENOSPC: the disk is full'), { code: 'ENOSPC' });
    },
  });
}

const tables = /\.sst$/;
const flushes = { operation: /^write/, path: tables };
/** Only a compaction opens tables here: nothing is read. */
const compactions = { operation: /^open/, path: tables };

interface Stage<C> {
  readonly db: Database<string, string>;
  readonly disk: Disk;
  readonly clock: C;
  readonly errors: BackgroundErrorEvent[];
}

async function openStage<C extends JumpingClock>(
  clock: C,
  l0CompactionTrigger = 1,
): Promise<Stage<C>> {
  const disk = new Disk();
  const errors: BackgroundErrorEvent[] = [];
  const db = await open('/db', {
    fs: disk.fs,
    clock,
    keyEncoding: 'utf8',
    valueEncoding: 'utf8',
    memtableBytes: 64 * 1024,
    l0CompactionTrigger,
    listeners: { backgroundError: (event) => errors.push(event) },
  });
  return { db, disk, clock, errors };
}

describe('a full disk', () => {
  it.each(['async', 'sync'] as const)(
    'under a flush: %s writing goes on without reopening once there is space, at most a pause later',
    async (how) => {
      const { db, disk } = await openStage(new JumpingClock());
      disk.fails = flushes;
      const value = 'x'.repeat(5000);
      const taken: string[] = [];
      let refused: unknown;
      for (let i = 0; refused === undefined && i < 1000; i++) {
        try {
          if (how === 'sync') db.putSync(`k${i}`, value);
          else await db.put(`k${i}`, value);
          taken.push(`k${i}`);
        } catch (error) {
          refused = error;
        }
      }
      expect(refused).toMatchObject({ code: 'LSM_NO_SPACE' });
      // It is tried again and again, and refuses writes as long as it fails.
      const { tries } = disk;
      await eventually(() => disk.tries > tries + 3);
      await expect(db.put('refused', value)).rejects.toMatchObject({ code: 'LSM_NO_SPACE' });
      expect(db.hasSync('refused')).toBe(false);
      disk.fails = undefined;
      if (how === 'sync') db.putSync('after', value);
      else {
        await eventually(() => db.stats().background.error === undefined);
        await db.put('after', value);
      }
      for (const key of [...taken, 'after']) expect(db.getSync(key)).toBe(value);
      await db.close();
    },
  );

  it('under compactions delays no flush', async () => {
    const { db, disk, clock, errors } = await openStage(new ManualClock());
    disk.fails = compactions;
    for (let i = 0; i < 4; i++) {
      await db.put('a', String(i));
      await db.flush();
      // One table is not too many.
      await eventually(() => i === 0 || errors.length > 0);
    }
    // Flushes went on while the compactions' pause had not ended.
    expect(db.stats().background.flushes).toBe(4);
    expect(errors.map(({ during }) => during)).toEqual(['compaction']);
    expect(clock.timers.filter(({ delayMs }) => isPause(delayMs))).toHaveLength(1);
    disk.fails = undefined;
    clock.runPauses();
    await eventually(() => db.stats().background.compactions > 0);
    await db.close();
  });

  it('under the compactions of one keyspace delays those of no other', async () => {
    const { db, disk, errors } = await openStage(new ManualClock());
    const other = await db.keyspace('other', { keyEncoding: 'utf8', valueEncoding: 'utf8' });
    disk.fails = compactions;
    for (const value of ['1', '2']) {
      await db.put('a', value);
      await db.flush();
    }
    await eventually(() => errors.length > 0);
    disk.fails = undefined;
    for (const value of ['1', '2']) {
      await other.put('a', value);
      await db.flush();
    }
    await other.compactRange();
    expect(errors.map(({ keyspace }) => keyspace)).toEqual(['default']);
    await db.close();
  });
});

describe('compactRange', () => {
  it.each([
    ['is not turned away because another compaction of its keyspace fails', 1],
    ['hears of another compaction of its keyspace that fails twice in a row', 2],
  ])('%s', async (_, failures) => {
    const { db, disk, clock, errors } = await openStage(new ManualClock());
    await db.put('a', '1');
    await db.flush();
    disk.fails = compactions;
    await db.put('a', '2');
    let outcome: unknown;
    // Its flush sets off a compaction that is not its own, and that it has to wait for.
    const done = db.compactRange().then(
      () => (outcome = 'done'),
      (error: unknown) => (outcome = error),
    );
    await eventually(() => errors.length > 0);
    expect(outcome).toBe(undefined);
    if (failures === 1) disk.fails = undefined;
    clock.runPauses();
    await done;
    if (failures === 1) expect(outcome).toBe('done');
    else expect(outcome).toMatchObject({ code: 'LSM_NO_SPACE' });
    expect(errors).toHaveLength(failures);
    await db.close();
  });

  it('hears of its own failure at once', async () => {
    const { db, disk } = await openStage(new ManualClock(), 10);
    await db.put('a', '1');
    await db.flush();
    disk.fails = compactions;
    await db.put('a', '2');
    await expect(db.compactRange()).rejects.toMatchObject({ code: 'LSM_NO_SPACE' });
    disk.fails = undefined;
    await db.compactRange();
    await db.close();
  });
});
