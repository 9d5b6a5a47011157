import { describe, expect, it } from 'vitest';
import { checkReads } from './legality.js';
import { measureDeletes, measureQueue, memtableEntries, nori } from './measure.js';
import { forSeeds, randomSimulation } from './random.js';
import { Simulation } from './simulation.js';

const isLong = process.env.NORI_LONG === '1';

function print(line: string): void {
  if (isLong) console.log(line);
}

/** `NORI_LONG=1` prints the table in docs/compaction.md. */
describe('deletes give space back without a manual compaction', () => {
  // 5 M entries of 116 bytes are about 22 memtables of 32 MiB.
  const ratios = isLong ? [22, 200] : [22];

  it.each([
    ['90 % of the keys, at random', 0.9, 0.86, (i: number, n: number) => (i * 104729) % n],
    ['90 % of the keys, the lower ones', 0.9, 0.89, (i: number) => i],
    ['all keys', 1, 1, (i: number) => i],
    ['half of the keys, at random', 0.5, 0.2, (i: number, n: number) => (i * 104729) % n],
  ] as const)('%s', (name, share, least, keyAt) => {
    const cells = ratios.map((ratio) => {
      const { returned, writtenPerDelete } = measureDeletes({ ratio, share, keyAt });
      expect(returned).toBeGreaterThanOrEqual(least);
      expect(writtenPerDelete).toBeLessThan(5);
      return `${(100 * returned).toFixed(0)} % / ${writtenPerDelete.toFixed(1)}`;
    });
    print(`| ${name} | ${cells.join(' | ')} |`);
  });

  it('but for what a snapshot needs, until it is closed', () => {
    const simulation = new Simulation({
      seed: 1,
      memtableEntries,
      keyCount: 20 * memtableEntries,
      compaction: nori,
    });
    const { keyCount } = simulation.options;
    const put = (from: number, to: number, asDelete: boolean): void => {
      for (let key = from; key < to; key++) simulation.put(key, asDelete);
      simulation.flush();
      simulation.settle();
    };
    put(0, keyCount / 2, false);
    simulation.takeSnapshot();
    put(keyCount / 2, keyCount, false);
    simulation.takeSnapshot();
    put(0, keyCount, true);
    // The first snapshot needs one half, the second one both.
    expect(simulation.storedEntries).toBeGreaterThanOrEqual(2 * keyCount);
    simulation.snapshots.splice(1, 1);
    simulation.settle();
    // Tombstones newer than a snapshot stay with it.
    expect(simulation.storedEntries).toBe(1.5 * keyCount);
    simulation.snapshots.splice(0, 1);
    simulation.settle();
    expect(simulation.storedEntries).toBe(0);
  });

  it('and so do versions that snapshots pinned, once all of these are closed', () => {
    forSeeds((prng, seed) => {
      const simulation = randomSimulation(prng, seed, { speed: Infinity, jobs: 1 });
      for (let part = 0; part < 20; part++) {
        simulation.churn(100 + prng.below(100));
        simulation.takeSnapshot();
      }
      simulation.flush();
      let readBefore = simulation.garbageRead;
      while (simulation.snapshots.length > 0) {
        const stored = simulation.storedEntries;
        simulation.snapshots.splice(prng.below(simulation.snapshots.length), 1);
        simulation.settle();
        // Closing one of many costs little, and never more than the rule allows.
        expect(simulation.garbageRead - readBefore).toBeLessThanOrEqual(30 * stored);
        readBefore = simulation.garbageRead;
      }
      for (const table of simulation.version.tables()) {
        if (table.level > 0) expect(table.superseded * 2).toBeLessThanOrEqual(table.entries);
      }
      checkReads(simulation);
    });
  });
});

describe('a queue', () => {
  it('costs its first key no more at the end than at the start', () => {
    for (const length of [200, 5000]) {
      const { first, last, storedPerLive } = measureQueue(length);
      print(`| a queue of ${length} | ${first} | ${last} | ${storedPerLive.toFixed(1)} |`);
      expect(last).toBeLessThanOrEqual(2 * first);
      expect(last).toBeLessThan(length + 3 * memtableEntries);
    }
  });
});

describe('ordinary loads', () => {
  const ratios = isLong ? [16, 64, 128] : [16, 64];

  it.each([0, 0.1, 0.25, 0.4])(
    'with %d of the writes deletes are written no more often',
    (share) => {
      const cells = ratios.map((ratio) => {
        const [without, collecting] = [false, true].map((collectsGarbage) => {
          const simulation = new Simulation({
            seed: 1,
            memtableEntries,
            keyCount: ratio * memtableEntries,
            compaction: nori,
            deleteShare: share,
            collectsGarbage,
          });
          const sum = (): number => simulation.flushedEntries + simulation.compactedEntries;
          simulation.churn(3 * ratio * memtableEntries);
          const [written, put] = [sum(), simulation.putEntries];
          simulation.churn(3 * ratio * memtableEntries);
          return (sum() - written) / (simulation.putEntries - put);
        });
        expect(collecting).toBeLessThanOrEqual(1.02 * without);
        return `${without.toFixed(2)} → ${collecting.toFixed(2)}`;
      });
      print(`| ${100 * share} % deletes | ${cells.join(' | ')} |`);
    },
  );
});
