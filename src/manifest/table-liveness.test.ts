import { describe, expect, test } from 'vitest';
import { statesOf, table } from '../../test/manifest/fixtures.js';
import { Prng } from '../base/prng.js';
import { applyEdit } from './manifest-state.js';
import { TableLiveness } from './table-liveness.js';
import type { VersionEdit } from './version-edit.js';
import type { Version } from './version.js';

const start = applyEdit(statesOf([])[0], { addedKeyspaces: [{ id: 1, name: 'one' }] });

describe('TableLiveness', () => {
  test('a removed table is needed until its last reader lets go', () => {
    const one = applyEdit(start, { addedTables: [table(5, 0, 'a', 'b')] });
    const edit = { removedTables: [{ keyspaceId: 0, fileNumber: 5 }] };
    const two = applyEdit(one, edit);
    const liveness = new TableLiveness(one.keyspaces);
    const { version } = one.keyspaces.get(0)!;
    liveness.acquire(version);
    liveness.acquire(version);
    expect(liveness.has(5)).toBe(true);
    liveness.publish(one.keyspaces, two.keyspaces, edit);
    expect(liveness.has(5)).toBe(false);
    expect(liveness.obsoleteTables()).toEqual([]);
    liveness.release(version);
    expect(liveness.obsoleteTables()).toEqual([]);
    liveness.release(version);
    expect(liveness.obsoleteTables()).toEqual([5]);
    expect(liveness.obsoleteTables()).toEqual([5]);
    expect(liveness.removedCount).toBe(1);
    liveness.forget([5]);
    expect(liveness.obsoleteTables()).toEqual([]);
    expect(liveness.removedCount).toBe(0);
  });

  test('pinning what nobody holds, or letting go twice, is a bug', () => {
    const one = applyEdit(start, { addedTables: [table(5, 0, 'a', 'b')] });
    const { version } = one.keyspaces.get(0)!;
    expect(() => new TableLiveness(start.keyspaces).acquire(version)).toThrow('invariant');
    const liveness = new TableLiveness(one.keyspaces);
    liveness.acquire(version);
    liveness.release(version);
    expect(() => liveness.release(version)).toThrow('invariant');
  });

  test('a dropped keyspace gives up all its tables', () => {
    const one = applyEdit(start, { addedTables: [table(5, 0, 'a', 'b', { keyspaceId: 1 })] });
    const edit = { droppedKeyspaces: [1] };
    const liveness = new TableLiveness(one.keyspaces);
    liveness.publish(one.keyspaces, applyEdit(one, edit).keyspaces, edit);
    expect(liveness.obsoleteTables()).toEqual([5]);
  });

  const base = Number(process.env.NORI_SEED ?? 20_260);

  test.each(Array.from({ length: 60 }, (_, i) => base + i))(
    'agrees with looking into every pinned version (seed %i)',
    (seed) => {
      const random = new Prng(seed);
      const liveness = new TableLiveness(start.keyspaces);
      let state = start;
      const removed = new Set<number>();
      const pins: Version[] = [];
      let nextNumber = 1;
      for (let i = 0; i < 120; i++) {
        const action = random.below(4);
        if (action === 0) {
          const { version } = state.keyspaces.get(random.below(2))!;
          liveness.acquire(version);
          pins.push(version);
        } else if (action === 1 && pins.length > 0) {
          const [version] = pins.splice(random.below(pins.length), 1);
          liveness.release(version);
        } else {
          const edit = randomEdit();
          const next = applyEdit(state, edit);
          liveness.publish(state.keyspaces, next.keyspaces, edit);
          state = next;
        }
        const needed = new Set<number>();
        for (const version of pins)
          for (const each of version.tables()) needed.add(each.fileNumber);
        const expected = [...removed].filter((number) => !needed.has(number));
        expect(liveness.obsoleteTables()).toEqual(expected.sort((a, b) => a - b));
        if (random.chance(0.2)) {
          liveness.forget(expected);
          for (const number of expected) removed.delete(number);
        }
      }

      function randomEdit(): VersionEdit {
        const keyspaceId = random.below(2);
        const addedTables = [];
        const removedTables = [];
        for (const each of state.keyspaces.get(keyspaceId)!.version.tables()) {
          if (!random.chance(0.3)) continue;
          removedTables.push({ keyspaceId, fileNumber: each.fileNumber });
          // Some are moved only.
          if (each.level === 0 && random.chance(0.3)) {
            const key = String(each.fileNumber);
            addedTables.push(table(each.fileNumber, 1, key, key, { keyspaceId }));
          } else removed.add(each.fileNumber);
        }
        for (let i = random.below(3); i > 0; i--) {
          addedTables.push(table(nextNumber++, 0, 'a', 'z', { keyspaceId }));
        }
        return { addedTables, removedTables };
      }
    },
  );
});
