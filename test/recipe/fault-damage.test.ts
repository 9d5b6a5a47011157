import { describe, expect, it } from 'vitest';
import { isLsmError, type LsmError } from '../../src/index.js';
import { Engine } from './engine.js';

/** Two L0 tables with other values of the same keys; not open. Returns the newer one's path. */
async function twoTables(): Promise<[Engine, string]> {
  const engine = await Engine.open({ blockSizeBytes: 64 });
  const keys = [...'abcdefgh'];
  await engine.flush(Object.fromEntries(keys.map((key) => [key, `old ${key}`.repeat(20)])));
  await engine.flush(
    Object.fromEntries(keys.map((key) => [key, key === 'b' ? undefined : `new ${key}`.repeat(20)])),
  );
  const newer = engine.tablePaths().at(-1)!;
  await engine.close();
  return [engine, newer];
}

function errorOf(read: () => unknown): LsmError | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (isLsmError(error)) return error;
    throw error;
  }
}

describe('fault: a corrupt table skipped so that an older value or nothing comes back', () => {
  it('any flipped byte: the right value, or an error that names the table', async () => {
    const [engine, newer] = await twoTables();
    const sound = engine.memory.readBytes(newer);
    const expected = (key: string): string | undefined =>
      key === 'b' ? undefined : `new ${key}`.repeat(20);
    let refusals = 0;
    let flips = 0;
    for (let at = 0; at < sound.length; at += 13) {
      const disk = engine.memory.clone();
      const damaged = Uint8Array.from(sound);
      damaged[at] ^= 0x10;
      flips++;
      disk.writeBytes(newer, damaged);
      const opened = await Engine.open({}, disk).catch((error: unknown) => error as LsmError);
      if (!(opened instanceof Engine)) {
        expect(opened, `byte ${at}`).toMatchObject({ code: 'LSM_CORRUPTION', file: newer });
        refusals++;
        continue;
      }
      for (const key of 'abcdefgh') {
        let value: string | undefined;
        const error = errorOf(() => (value = opened.db.getSync(key)));
        if (error === undefined) expect(value, `byte ${at}, key ${key}`).toBe(expected(key));
        else expect(error).toMatchObject({ code: 'LSM_CORRUPTION', file: newer });
        if (error !== undefined) refusals++;
      }
      const scanned: string[] = [];
      const error = errorOf(() => {
        for (const [key, value] of opened.db.entriesSync()) {
          expect(value).toBe(expected(key));
          scanned.push(key);
        }
      });
      if (error === undefined) expect(scanned.join('')).toBe('acdefgh');
      else expect(error).toMatchObject({ code: 'LSM_CORRUPTION', file: newer });
      await opened.close();
    }
    expect(refusals).toBeGreaterThan(flips);
  });

  it('a compaction does not get rid of it either: it stops, and the input stays', async () => {
    const [engine, newer] = await twoTables();
    const disk = engine.memory.clone();
    const damaged = Uint8Array.from(engine.memory.readBytes(newer));
    damaged[100] ^= 1;
    disk.writeBytes(newer, damaged);
    const opened = await Engine.open({}, disk);
    await expect(opened.db.compactRange()).rejects.toMatchObject({
      code: 'LSM_CORRUPTION',
      file: newer,
    });
    await opened.close();
    expect(disk.readBytes(newer)).toEqual(damaged);
    expect(opened.tablePaths().length).toBe(2);
  });
});

describe('fault: a missing table skipped so that an older value or nothing comes back', () => {
  it('opening or reading says which table is missing', async () => {
    const [engine, newer] = await twoTables();
    await engine.memory.remove(newer);
    const opened = await Engine.open({}, engine.memory).catch((error: unknown) => error);
    if (!(opened instanceof Engine)) {
      expect(opened).toMatchObject({ code: 'LSM_CORRUPTION', file: newer });
      return;
    }
    for (const key of 'abcdefgh') {
      const error = errorOf(() => opened.db.getSync(key));
      expect(error).toMatchObject({ code: 'LSM_CORRUPTION', file: newer });
      await expect(opened.db.get(key)).rejects.toMatchObject({ code: 'LSM_CORRUPTION' });
    }
    const error = errorOf(() => [...opened.db.keysSync()]);
    expect(error).toMatchObject({ code: 'LSM_CORRUPTION', file: newer });
    await opened.close();
  });
});
