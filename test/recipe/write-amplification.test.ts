import { beforeAll, describe, expect, it } from 'vitest';
import { Prng } from '../../src/base/prng.js';
import { countProbes, Engine } from './engine.js';
import { userKey } from './small-recipe.js';

/*
 * The page's scenario, a megabyte being 164 bytes: a memtable of 100 MB flushed
 * at a time, tables of 100 MB, L1 400 MB, L2 4 GB. Every entry is 128 bytes.
 */
const entriesPerFlush = 128;
const flushBytes = entriesPerFlush * 128;
/** With what a file has beside its entries. */
const fileBytes = Math.round(1.14 * flushBytes);
const value = 'v'.repeat(128 - userKey(0).length);

interface Cell {
  readonly trigger: number;
  readonly fanout: number;
  /** Keys, in flushes of 100 MB: 44 fill L1 and L2, 444 fill L3 too. */
  readonly flushes: number;
}

/** All figures are for one byte that is put, under uniform overwrites. */
interface Measured {
  /** Bytes written by flushes and compactions. */
  readonly written: number;
  /** The same by level. */
  readonly byLevel: readonly number[];
  /** The most that compactions of one level wrote at once, in flushes of 100 MB. */
  readonly largest: readonly number[];
  /** Compactions for one flush. */
  readonly compactions: number;
}

async function measure({ trigger, fanout, flushes }: Cell): Promise<Measured> {
  const engine = await Engine.open({
    preset: 'recipe',
    l0CompactionTrigger: trigger,
    levelSizeMultiplier: fanout,
    // Flushed by hand.
    memtableBytes: 4 * flushBytes,
    blockSizeBytes: undefined,
    tableBytes: fileBytes,
    baseLevelBytes: 4 * fileBytes,
  });
  const { db } = engine;
  const keys = flushes * entriesPerFlush;
  const prng = new Prng(1);
  const write = async (count: number, keyAt: (i: number) => number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      db.putSync(userKey(keyAt(i)), value);
      if ((i + 1) % entriesPerFlush > 0) continue;
      await db.flush();
      await engine.settle();
    }
  };
  await write(keys, (i) => (i * 7919) % keys);
  await write(keys, () => prng.below(keys));
  const before = db.stats();
  const largest: number[] = [];
  let compactions = 0;
  db.on('compaction', ({ outputLevel, writtenBytes }) => {
    largest[outputLevel] = Math.max(largest[outputLevel] ?? 0, writtenBytes / flushBytes);
    compactions++;
  });
  await write(2 * keys, () => prng.below(keys));
  const after = db.stats();
  await engine.close();
  const put = after.written.userBytes - before.written.userBytes;
  const byLevel = after.levels.map(
    ({ writtenBytes }, level) => (writtenBytes - before.levels[level].writtenBytes) / put,
  );
  const sum = ({ written }: typeof after): number => written.flushBytes + written.compactionBytes;
  return {
    written: (sum(after) - sum(before)) / put,
    byLevel,
    largest,
    compactions: compactions / (put / flushBytes),
  };
}

const isLong = process.env.NORI_LONG === '1';
/** The page's database, and one whose 8.2 GB would fit into L2 with a fan-out of 20; NORI_LONG=1 adds one that fills L3. */
const sizes = isLong ? [44, 82, 444] : [44, 82];
const triggers = [4, 8];
const fanouts = [10, 20];

const measured = new Map<string, Measured>();

function at(flushes: number, trigger: number, fanout: number): Measured {
  return measured.get(`${flushes} ${trigger} ${fanout}`)!;
}

function printTable(): void {
  const lines = [
    `| L0 trigger | Fan-out | The page | ${sizes.map((size) => `${size / 10} GB`).join(' | ')} |`,
    `| --- | --- | --- |${' --- |'.repeat(sizes.length)}`,
  ];
  for (const trigger of triggers) {
    for (const fanout of fanouts) {
      const page = fanout === 20 ? 'lower' : trigger === 4 ? '45x' : '22x';
      const cells = sizes.map((size) => {
        const { written, byLevel, compactions } = at(size, trigger, fanout);
        const levels = byLevel.map((each) => each.toFixed(1)).join(' + ');
        return `${written.toFixed(1)}x = ${levels}, ${compactions.toFixed(2)} compactions a flush`;
      });
      lines.push(`| ${trigger} | ${fanout} | ${page} | ${cells.join(' | ')} |`);
    }
  }
  console.log(lines.join('\n'));
}

beforeAll(
  async () => {
    for (const flushes of sizes) {
      for (const trigger of triggers) {
        for (const fanout of fanouts) {
          const cell = { flushes, trigger, fanout };
          measured.set(`${flushes} ${trigger} ${fanout}`, await measure(cell));
        }
      }
    }
    printTable();
  },
  isLong ? 1_200_000 : undefined,
);

describe('"Measuring Write Amp": "Original write: 100 MB memtable flush"', () => {
  it('"L0 flush: 100 MB written (1x)"', () => {
    const [atL0] = at(44, 4, 10).byLevel;
    // A key written twice within a memtable is flushed once.
    expect(atL0).toBeLessThanOrEqual(1);
    expect(atL0).toBeGreaterThan(0.95);
  });

  it('"L0→L1 compact: 400 MB L0 + 400 MB L1 = 800 MB read, 400 MB written (4x)": less, since it takes all of L0 at once', () => {
    const { byLevel, largest } = at(44, 4, 10);
    // Five flushes and at most four tables of L1.
    expect(largest[1]).toBeLessThan(9);
    expect(largest[1]).toBeGreaterThan(5);
    expect(byLevel[1]).toBeLessThan(9 / 5);
    expect(byLevel[1]).toBeGreaterThan(1);
  });

  it('"L1→L2 compact: 400 MB L1 + 4 GB L2 = 4.4 GB read, 4 GB written (40x)": less, since it takes a part of L1, and what that overlaps', () => {
    const { byLevel, largest } = at(44, 4, 10);
    expect(largest[2]).toBeLessThan(40);
    expect(byLevel[2]).toBeLessThan(10);
    expect(byLevel[2]).toBeGreaterThan(1);
  });

  it('"Write amplification: 4,500 / 100 = 45x": a seventh of it, measured', () => {
    for (const size of sizes) expect(at(size, 4, 10).written).toBeLessThan(45 / 3);
    expect(at(44, 4, 10).written).toBeLessThan(45 / 6);
    expect(at(44, 4, 10).written).toBeGreaterThan(5);
  });

  it('what is measured for the levels adds up to the whole', () => {
    for (const { written, byLevel } of measured.values()) {
      expect(byLevel.reduce((sum, each) => sum + each)).toBeCloseTo(written, 10);
    }
  });
});

describe('"Increase L0 threshold to reduce write amp"', () => {
  it('"Old (4 files): 45x", "New (8 files): 22x (2x better!)": a fifth better', () => {
    for (const fanout of fanouts) {
      for (const size of sizes) {
        const [four, eight] = [at(size, 4, fanout), at(size, 8, fanout)];
        expect(eight.written).toBeLessThan(0.95 * four.written);
        expect(eight.written).toBeLessThan(22 / 1.5);
      }
      expect(at(44, 8, fanout).written).toBeLessThan(0.85 * at(44, 4, fanout).written);
      // Half as many L0 to L1 compactions.
      expect(at(44, 8, fanout).byLevel[1]).toBeLessThan(at(44, 4, fanout).byLevel[1]);
    }
  });

  it('"Trade-off: More L0 files → slower reads": one more table to ask for each', async () => {
    for (const trigger of triggers) {
      const engine = await Engine.open({ l0CompactionTrigger: trigger });
      for (let i = 0; i < trigger; i++) await engine.flush({ a: `${i}`, z: `${i}` });
      await engine.settle();
      expect(countProbes(engine.db, () => engine.db.getSync('absent'))).toBe(trigger);
      await engine.close();
    }
  });
});

describe('"20x fanout instead of 10x"', () => {
  it('"Fewer compactions = lower write amp": fewer, but not lower, since each rewrites more', () => {
    for (const trigger of triggers) {
      const [ten, twenty] = [at(82, trigger, 10), at(82, trigger, 20)];
      // The larger L2 takes what would need an L3.
      expect(ten.byLevel[3]).toBeGreaterThan(0.5);
      expect(twenty.byLevel.at(3) ?? 0).toBeLessThan(0.1);
      expect(twenty.compactions).toBeLessThan(ten.compactions);
      expect(twenty.written).toBeGreaterThan(1.1 * ten.written);
    }
  });
});
