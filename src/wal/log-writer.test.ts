import { describe, expect, it } from 'vitest';
import { equalBytes } from '../base/bytes.js';
import { systemErrorCode } from '../base/errors.js';
import { Prng } from '../base/prng.js';
import { runAsync, runSync, Task } from '../base/task.js';
import type { File, FileSystem } from '../fs/file-system.js';
import { MemoryFileSystem } from '../fs/memory-file-system.js';
import {
  encodeLogLinks,
  fragmentHeaderBytes,
  logHeaderBytes,
  recordStartRoom,
  roomInBlock,
} from './log-format.js';
import { LogReader } from './log-reader.js';
import type { LogFileOptions } from './log-options.js';
import { LogWriter, preallocationBytes } from './log-writer.js';

const seed = Number(process.env.NORI_SEED ?? 20_263);
const path = 'db/000009.log';
const extension = encodeLogLinks({
  previousLog: 0,
  previousEnd: 0,
  previousSynced: 0,
  firstSeq: 1,
  manifestNumber: 1,
  manifestSynced: 56,
});

/**
 * A file system whose asynchronous calls act only when they are let go, one by
 * one in any order: a thread pool in slow motion. `fail` makes a call fail.
 */
class SlowFileSystem {
  readonly memory = new MemoryFileSystem();
  readonly calls: { readonly name: string; readonly release: () => Promise<void> }[] = [];
  readonly log: string[] = [];
  /** Which of the open files was synced: 0 is the first that was opened. */
  readonly syncs: number[] = [];
  #opened = 0;
  fail: string | undefined;
  readonly fs: FileSystem;

  constructor() {
    void this.memory.makeDirectory('db');
    const { memory } = this;
    this.fs = Object.assign(Object.create(memory) as FileSystem, {
      hasSync: true,
      create: (name: string) => this.#late('create', () => this.#file(memory.createSync!(name))),
      createSync: (name: string) =>
        this.#now('createSync', () => this.#file(memory.createSync!(name))),
      openSync: (name: string) =>
        this.#now('openSync', () => this.#file(memory.openSync!(name, { writable: true }))),
    });
  }

  /** Lets the oldest call of this name go. */
  async release(name: string): Promise<void> {
    const at = this.calls.findIndex((call) => call.name === name);
    expect(at, `no ${name} is waiting`).toBeGreaterThanOrEqual(0);
    await this.calls.splice(at, 1)[0].release();
    await settle();
  }

  async releaseAll(): Promise<void> {
    while (this.calls.length > 0) await this.release(this.calls[0].name);
  }

  #file(file: File): File {
    const index = this.#opened++;
    return {
      path: file.path,
      read: (target, at, length, position) => file.read(target, at, length, position),
      write: (source, at, length, position) =>
        this.#late('write', () => file.writeSync!(source, at, length, position)),
      truncate: (size) => this.#late('truncate', () => file.truncateSync!(size)),
      sync: () => this.#late('sync', () => this.#sync(file, index)),
      size: () => this.#late('size', () => file.sizeSync!()),
      close: () => this.#late('close', () => file.closeSync!()),
      readSync: (target, at, length, position) => file.readSync!(target, at, length, position),
      writeSync: (source, at, length, position) =>
        this.#now('writeSync', () => file.writeSync!(source, at, length, position)),
      truncateSync: (size) => this.#now('truncateSync', () => file.truncateSync!(size)),
      syncSync: () => this.#now('syncSync', () => this.#sync(file, index)),
      sizeSync: () => file.sizeSync!(),
      closeSync: () => this.#now('closeSync', () => file.closeSync!()),
    };
  }

  #sync(file: File, index: number): void {
    this.syncs.push(index);
    file.syncSync!();
  }

  #late<T>(name: string, act: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const release = async (): Promise<void> => {
        try {
          resolve(this.#now(name, act));
        } catch (error) {
          reject(error);
        }
      };
      this.calls.push({ name, release });
    });
  }

  #now<T>(name: string, act: () => T): T {
    this.log.push(name);
    if (this.fail === name) throw Object.assign(new Error(`EIO: ${name}`), { code: 'EIO' });
    return act();
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

function options(fs: FileSystem, preallocate = true): LogFileOptions {
  const fileId = { low: 5, high: 6 };
  return { fs, path, kind: 'log', fileId, databaseId: { low: 1, high: 2 }, preallocate };
}

function newWriter(fs: FileSystem, preallocate = true): LogWriter {
  return runSync(LogWriter.create({ ...options(fs, preallocate), extension }));
}

function record(length: number, byte: number): Uint8Array {
  return new Uint8Array(length).fill(byte);
}

/** The records in the file: first byte and length of each. */
function contents(memory: MemoryFileSystem): string {
  const reader = new LogReader(memory.openSync!(path), {
    fileId: { low: 5, high: 6 },
    start: logHeaderBytes,
  });
  const found: string[] = [];
  for (let step = reader.advance(); step !== 'end'; step = reader.advance()) {
    if (step === 'wait') reader.waitSync();
    else found.push(`${reader.bytes[reader.recordStart]}x${reader.recordEnd - reader.recordStart}`);
  }
  expect(reader.report.reason).not.toBe('damage');
  return found.join(' ');
}

describe('a log writer', () => {
  it('knows what is appended, written and synced', () => {
    const { fs, memory } = new SlowFileSystem();
    const writer = newWriter(fs);
    expect([writer.end, writer.writtenEnd, writer.syncedEnd]).toEqual([104, 104, 104]);
    writer.append(record(10, 1));
    expect([writer.end, writer.writtenEnd, writer.syncedEnd]).toEqual([121, 104, 104]);
    writer.sync().waitSync();
    expect(writer.syncedEnd).toBe(104);
    writer.flush().waitSync();
    expect([writer.end, writer.writtenEnd, writer.syncedEnd]).toEqual([121, 121, 104]);
    expect(contents(memory)).toBe('1x10');
    writer.append(record(10, 2));
    writer.sync().waitSync();
    expect([writer.end, writer.writtenEnd, writer.syncedEnd]).toEqual([138, 121, 121]);
  });

  it('preallocates in steps and cuts off what is left', () => {
    const { fs, memory } = new SlowFileSystem();
    const writer = newWriter(fs);
    expect(memory.readBytes(path).length).toBe(preallocationBytes);
    writer.append(record(preallocationBytes, 1));
    writer.flush().waitSync();
    expect(memory.readBytes(path).length).toBe(2 * preallocationBytes);
    expect(contents(memory)).toBe(`1x${preallocationBytes}`);
    writer.append(record(20, 2));
    runSync(writer.close({ cutUnused: true }));
    expect(memory.readBytes(path).length).toBe(writer.end);
    expect(contents(memory)).toBe(`1x${preallocationBytes} 2x20`);
  });

  it('begins a spare file later, with records already appended', () => {
    const { fs, memory } = new SlowFileSystem();
    const writer = runSync(LogWriter.createFile(options(fs)));
    expect(memory.readBytes(path).every((byte) => byte === 0)).toBe(true);
    expect(() => writer.append(record(1, 1))).toThrow('behind the header');
    writer.reserveHeader(logHeaderBytes);
    writer.append(record(10, 1));
    expect(() => writer.flush().waitSync()).toThrow('before the header is synced');
    runSync(writer.begin(extension));
    expect(contents(memory)).toBe('');
    writer.flush().waitSync();
    expect(contents(memory)).toBe('1x10');
  });

  it('refuses a file that holds bytes, and leaves none open', () => {
    const { fs, memory } = new SlowFileSystem();
    memory.writeBytes(path, record(3, 1));
    expect(() => newWriter(fs)).toThrow(
      expect.objectContaining({ code: 'LSM_EXISTS', file: path }),
    );
    expect(memory.readBytes(path)).toEqual(record(3, 1));
    expect(memory.openFiles).toBe(0);
  });

  it('refuses a record with other bytes than it was to have', () => {
    const writer = newWriter(new SlowFileSystem().fs);
    expect(() => writer.beginRecord(0)).toThrow('impossible record length');
    writer.beginRecord(10);
    writer.addBytes(record(9, 1), 0, 9);
    expect(() => writer.beginRecord(10)).toThrow('incomplete');
    expect(() => writer.addBytes(record(9, 1), 0, 2)).toThrow('more bytes');
  });

  it('fills the end of a block with zeros, in memory that it uses again', () => {
    const { fs, memory } = new SlowFileSystem();
    const writer = newWriter(fs);
    writer.append(record(200_000, 0xff));
    writer.flush().waitSync();
    const length = roomInBlock(writer.end) - fragmentHeaderBytes - (recordStartRoom - 1);
    writer.append(record(length, 1));
    writer.append(record(20, 2));
    writer.flush().waitSync();
    expect(contents(memory)).toBe(`255x200000 1x${length} 2x20`);
  });

  it(`writes the same whatever is flushed when, and by whom (NORI_SEED=${seed})`, async () => {
    for (let round = 0; round < 30; round++) {
      const random = new Prng(seed + round);
      const slow = new SlowFileSystem();
      const writer = newWriter(slow.fs, random.chance(0.5));
      const expected: string[] = [];
      const waits: Promise<void>[] = [];
      for (let i = 0; i < 60; i++) {
        const large = random.chance(0.1);
        const length = 1 + random.below(large ? 400_000 : 3000);
        writer.append(record(length, i + 1));
        expected.push(`${i + 1}x${length}`);
        if (random.chance(0.4)) waits.push(writer.flush().wait());
        if (random.chance(0.3)) waits.push(writer.sync().wait());
        if (random.chance(0.2)) writer.flush().waitSync();
        if (random.chance(0.1)) writer.sync().waitSync();
        if (random.chance(0.5)) await settle();
        if (random.chance(0.5) && slow.calls.length > 0) {
          await slow.release(slow.calls[random.below(slow.calls.length)].name);
        }
      }
      writer.flush().waitSync();
      expect(contents(slow.memory), `round ${round}`).toBe(expected.join(' '));
      // What the pool still holds is late, and must not spoil anything.
      await slow.releaseAll();
      await Promise.all(waits);
      expect(contents(slow.memory), `round ${round}`).toBe(expected.join(' '));
      expect(writer.writtenEnd).toBe(writer.end);
    }
  });

  it('works on a file system without synchronous calls, and says so to synchronous callers', async () => {
    const memory = new MemoryFileSystem({ sync: false });
    await memory.makeDirectory('db');
    const writer = await runAsync(LogWriter.create({ ...options(memory), extension }));
    writer.append(record(preallocationBytes, 1));
    expect(() => writer.flush().waitSync()).toThrow(
      expect.objectContaining({ code: 'LSM_UNSUPPORTED' }),
    );
    await writer.flush().wait();
    await writer.sync().wait();
    expect(writer.syncedEnd).toBe(writer.end);
    await runAsync(writer.close({ cutUnused: true }));
    expect(memory.readBytes(path).length).toBe(writer.end);
    expect(memory.openFiles).toBe(0);
  });
});

describe('a synchronous caller that takes over', () => {
  it('does not wait for the write in the pool, whose bytes stay as they are', async () => {
    const slow = new SlowFileSystem();
    const writer = newWriter(slow.fs);
    writer.append(record(100, 1));
    const first = writer.flush().wait();
    await settle();
    writer.append(record(100, 2));
    writer.flush().waitSync();
    expect(contents(slow.memory)).toBe('1x100 2x100');
    for (let i = 3; i < 9; i++) {
      writer.append(record(100_000, i));
      writer.flush().waitSync();
    }
    const before = slow.memory.readBytes(path).slice();
    await slow.release('write');
    await first;
    expect(equalBytes(slow.memory.readBytes(path), before)).toBe(true);
  });

  it('finishes creation and beginning halfway, and leaves one file open for each use', async () => {
    for (let released = 0; released < 5; released++) {
      const slow = new SlowFileSystem();
      const late: unknown[] = [];
      const steps = LogWriter.create({ ...options(slow.fs), extension });
      const task = new Task(steps, (error) => late.push(error));
      for (let i = 0; i < released && slow.calls.length > 0; i++) {
        await slow.release(slow.calls[0].name);
      }
      const writer = task.finishSync();
      writer.append(record(10, 1));
      writer.append(record(preallocationBytes, 2));
      writer.flush().waitSync();
      await slow.releaseAll();
      await task.quiesce();
      expect(late).toEqual([]);
      expect(slow.memory.openFiles).toBe(2);
      expect(contents(slow.memory)).toBe(`1x10 2x${preallocationBytes}`);
    }
  });

  it('syncs through a descriptor of its own', async () => {
    const slow = new SlowFileSystem();
    const writer = newWriter(slow.fs);
    writer.append(record(10, 1));
    writer.flush().waitSync();
    const background = writer.sync().wait();
    await settle();
    writer.append(record(10, 2));
    writer.flush().waitSync();
    writer.sync().waitSync();
    expect(writer.syncedEnd).toBe(writer.end);
    await slow.release('sync');
    await background;
    expect(writer.syncedEnd).toBe(writer.end);
    // The header; then the caller that took over, before the pool.
    expect(slow.syncs).toEqual([1, 1, 0]);
  });
});

describe('a sync in the pool', () => {
  it('covers what was written when it began, no more', async () => {
    const slow = new SlowFileSystem();
    const writer = newWriter(slow.fs);
    writer.append(record(10, 1));
    writer.flush().waitSync();
    const covered = writer.end;
    const first = writer.sync().wait();
    await settle();
    writer.append(record(10, 2));
    writer.flush().waitSync();
    const second = writer.sync().wait();
    await slow.release('sync');
    await first;
    expect(writer.syncedEnd).toBe(covered);
    await slow.release('sync');
    await second;
    expect(writer.syncedEnd).toBe(writer.end);
    expect(slow.log.filter((call) => call === 'sync').length).toBe(2);
  });
});

describe('after a failure', () => {
  const failures = [
    { fail: 'writeSync', act: (writer: LogWriter) => writer.flush().waitSync() },
    { fail: 'write', act: (writer: LogWriter) => writer.flush().wait() },
    { fail: 'sync', act: (writer: LogWriter) => syncLate(writer, (sync) => sync.wait()) },
    { fail: 'syncSync', act: (writer: LogWriter) => syncLate(writer, (sync) => sync.waitSync()) },
    { fail: 'truncateSync', act: (writer: LogWriter) => writer.flush().waitSync() },
  ];

  async function syncLate(
    writer: LogWriter,
    wait: (sync: ReturnType<LogWriter['sync']>) => Promise<void> | void,
  ): Promise<void> {
    writer.flush().waitSync();
    await wait(writer.sync());
  }

  for (const { fail, act } of failures) {
    it(`of ${fail}, everything throws that first error, and nothing is written or synced`, async () => {
      const slow = new SlowFileSystem();
      const writer = newWriter(slow.fs);
      writer.append(record(fail === 'truncateSync' ? preallocationBytes : 10, 1));
      slow.fail = fail;
      const failing = (async () => act(writer))();
      await settle();
      await slow.releaseAll();
      const error = await failing.then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toMatchObject({ code: 'LSM_IO', file: path });
      expect(systemErrorCode((error as Error).cause)).toBe('EIO');
      slow.fail = undefined;
      const calls = slow.log.length;
      const same = expect.objectContaining({ message: (error as Error).message });
      expect(() => writer.append(record(1, 1))).toThrow(same);
      expect(() => writer.flush().waitSync()).toThrow(same);
      expect(() => writer.sync().waitSync()).toThrow(same);
      await expect(writer.flush().wait()).rejects.toBe(error);
      await expect(writer.sync().wait()).rejects.toBe(error);
      expect(writer.failure).toBe(error);
      expect(writer.syncedEnd).toBe(logHeaderBytes);
      expect(slow.log.length).toBe(calls);
      runSync(writer.close({ cutUnused: true }));
      expect(slow.log.slice(calls)).toEqual(['closeSync', 'closeSync']);
      expect(slow.memory.openFiles).toBe(0);
    });
  }

  it('that comes late, when a synchronous caller had gone on, the writer is failed too', async () => {
    const slow = new SlowFileSystem();
    const writer = newWriter(slow.fs);
    writer.append(record(10, 1));
    writer.flush().waitSync();
    const background = writer.sync().wait();
    await settle();
    writer.sync().waitSync();
    slow.fail = 'sync';
    await slow.release('sync');
    await expect(background).rejects.toMatchObject({ code: 'LSM_IO' });
    expect(() => writer.append(record(1, 1))).toThrow('EIO');
  });

  it('of a waiting call, those that wait with it fail too', async () => {
    const slow = new SlowFileSystem();
    const writer = newWriter(slow.fs);
    writer.append(record(10, 1));
    const first = writer.flush().wait();
    writer.append(record(10, 2));
    const second = writer.flush().wait();
    slow.fail = 'write';
    await slow.release('write');
    await expect(first).rejects.toMatchObject({ code: 'LSM_IO' });
    await expect(second).rejects.toMatchObject({ code: 'LSM_IO' });
    expect(slow.calls).toEqual([]);
  });
});
