import { describe, expect, it } from 'vitest';
import { SSTableReader } from '../../src/sstable.js';
import { Engine, keyAt } from './engine.js';

/** Bytes of all `write` calls to files whose name matches. */
function bytesWritten(lines: readonly string[], name: RegExp): number {
  let bytes = 0;
  for (const line of lines) {
    const match = /^write (\S+) (\d+)\.\.(\d+)$/.exec(line);
    if (match !== null && name.test(match[1])) bytes += Number(match[3]) - Number(match[2]);
  }
  return bytes;
}

/** Random overwrites of 200 keys with 500 bytes each. */
async function overwrite(engine: Engine, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    engine.db.putSync(keyAt((i * 7919) % 200), `${i} `.padEnd(500, 'v'));
    if (i % 100 === 99) {
      await engine.db.flush();
      await engine.settle();
    }
  }
}

describe('"Measuring Write Amp"', () => {
  it('what is counted is what tables hold and events say', async () => {
    const engine = await Engine.open();
    const { db } = engine;
    let flushed = 0;
    let read = 0;
    let compacted = 0;
    db.on('flush', (event) => (flushed += event.rawBytes));
    db.on('compaction', (event) => {
      read += event.readBytes;
      compacted += event.writtenBytes;
    });
    await overwrite(engine, 2000);
    const { written, levels, writeAmplification } = db.stats();
    expect(written.userBytes).toBe(2000 * (keyAt(0).length + 500));
    expect(written.flushBytes).toBe(flushed);
    expect(written.flushBytes).toBe(levels[0].writtenBytes);
    expect(written.compactionBytes).toBe(compacted);
    expect(levels.slice(1).reduce((sum, level) => sum + level.writtenBytes, 0)).toBe(compacted);
    expect(levels.reduce((sum, level) => sum + level.compactionReadBytes, 0)).toBe(read);
    expect(read).toBeGreaterThan(compacted);
    expect(writeAmplification).toBe((flushed + compacted) / written.userBytes);
    await engine.close();
  });

  it('every byte counted was written to the disk, and not many more', async () => {
    const engine = await Engine.open();
    engine.recording.clear();
    await overwrite(engine, 2000);
    const { written } = engine.db.stats();
    const counted = written.flushBytes + written.compactionBytes;
    const real = bytesWritten(engine.recording.lines, /\.sst$/);
    expect(real).toBeGreaterThan(counted);
    expect(real).toBeLessThan(counted * 1.25);
    expect(bytesWritten(engine.recording.lines, /\.log$/)).toBeGreaterThanOrEqual(written.walBytes);
    expect(written.walBytes).toBeGreaterThan(written.userBytes);
    await engine.close();
  });

  it('the counters go on in the next session', async () => {
    const engine = await Engine.open();
    await overwrite(engine, 1000);
    const before = engine.db.stats();
    expect(before.written.compactionBytes).toBeGreaterThan(0);
    await engine.reopen();
    const { written, levels } = engine.db.stats();
    expect(written).toMatchObject({
      userBytes: before.written.userBytes,
      flushBytes: before.written.flushBytes,
      compactionBytes: before.written.compactionBytes,
    });
    expect(levels).toEqual(before.levels);
    await engine.close();
  });

  it('"Increase L0 threshold": a trigger of 8 writes less than one of 4', async () => {
    const amplification = async (l0CompactionTrigger: number): Promise<number> => {
      const engine = await Engine.open({ l0CompactionTrigger });
      await overwrite(engine, 6000);
      const { writeAmplification } = engine.db.stats();
      await engine.close();
      return writeAmplification!;
    };
    const [four, eight] = [await amplification(4), await amplification(8)];
    expect(four).toBeGreaterThan(1);
    expect(eight).toBeLessThan(0.9 * four);
  });
});

describe('per-level stats', () => {
  it('are the sums over the tables of the level', async () => {
    const engine = await Engine.open();
    for (let i = 0; i < 3; i++) await engine.flush({ a: `${i}`, b: undefined, c: `${i}${i}` });
    let bytes = 0;
    let rawBytes = 0;
    for (const path of engine.tablePaths()) {
      const reader = await SSTableReader.open(path, { fs: engine.memory });
      bytes += reader.metadata.fileSize;
      rawBytes += reader.metadata.rawBytes;
      await reader.close();
    }
    expect(engine.db.stats().levels[0]).toMatchObject({
      level: 0,
      tables: 3,
      bytes,
      rawBytes,
      entries: 9,
      tombstones: 3,
    });
    expect(rawBytes).toBe(3 * (1 + 1 + 1 + 1 + 2));
    await engine.close();
  });
});
