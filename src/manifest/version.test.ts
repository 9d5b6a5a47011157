import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareBytes, concatBytes } from '../base/bytes.js';
import { bytes, table } from '../../test/manifest/fixtures.js';
import { maxLevels, Version } from './version.js';

const numbersOf = (tables: readonly { fileNumber: number }[]): number[] =>
  tables.map((each) => each.fileNumber);

describe('Version', () => {
  test('an empty version answers every question', () => {
    const version = Version.empty();
    expect(version.levels).toEqual([[]]);
    expect(version.deepestLevel).toBe(-1);
    expect(version.tableCount).toBe(0);
    expect(version.levelBytes(3)).toBe(0);
    expect(version.tablesAt(3)).toEqual([]);
    expect(version.findTable(1, bytes('a'))).toBeUndefined();
    expect(version.findTableIndex(1, bytes('a'))).toBe(0);
    expect(version.overlapping(2, undefined, undefined)).toEqual([]);
  });

  test('level 0 is newest first, by sequence number and then by file number', () => {
    const version = Version.empty().apply(
      [
        table(7, 0, 'a', 'z', { smallestSeq: 1, largestSeq: 10 }),
        table(9, 0, 'a', 'z', { smallestSeq: 11, largestSeq: 20 }),
        table(8, 0, 'a', 'z', { smallestSeq: 11, largestSeq: 20 }),
      ],
      [],
    );
    expect(numbersOf(version.tablesAt(0))).toEqual([9, 8, 7]);
    expect(version.deepestLevel).toBe(0);
  });

  test('an edit leaves the version it began from as it was, and shares untouched levels', () => {
    const before = Version.empty().apply([table(1, 0, 'a', 'c'), table(2, 1, 'a', 'c')], []);
    const after = before.apply([table(3, 0, 'b', 'd')], []);
    expect(numbersOf(before.tablesAt(0))).toEqual([1]);
    expect(numbersOf(after.tablesAt(0))).toEqual([3, 1]);
    expect(after.levels[1]).toBe(before.levels[1]);
  });

  test('a table moves to another level in one edit', () => {
    const before = Version.empty().apply([table(1, 1, 'a', 'c')], []);
    const after = before.apply([table(1, 4, 'a', 'c')], [1]);
    expect(after.levels.map((level) => level.length)).toEqual([0, 0, 0, 0, 1]);
    expect(after.apply([], [1]).levels).toEqual([[]]);
  });

  test('bytes per level', () => {
    const version = Version.empty().apply(
      [table(1, 1, 'a', 'b', { size: 5 }), table(2, 1, 'c', 'd', { size: 7 })],
      [],
    );
    expect(version.levelBytes(0)).toBe(0);
    expect(version.levelBytes(1)).toBe(12);
  });

  test.each([
    ['removed but not there', [], [1], 'table 1 is removed but not there'],
    ['removed twice', [], [9, 9], 'a table is removed twice'],
    ['same number twice', [table(9, 2, 'x', 'y')], [], 'a table is added twice'],
    ['touching tables', [table(1, 1, 'd', 'f')], [], 'level 1: tables 9 and 1 overlap'],
    ['range upside down', [table(1, 1, 'y', 'x')], [], 'table 1 has its smallest key above'],
    ['level too deep', [table(1, maxLevels, 'x', 'y')], [], `no level ${maxLevels}`],
  ])('refuses: %s', (_name, added, removed, message) => {
    const version = Version.empty().apply([table(9, 1, 'b', 'd')], []);
    expect(version.tryApply(added, removed)).toContain(message);
    expect(() => version.apply(added, removed)).toThrow('invariant broken');
  });

  test('searches agree with looking at every table', () => {
    // Few distinct bytes and long beginnings in common: ties everywhere, zeros at the ends.
    const key = fc
      .tuple(
        fc.constantFrom('', 'user:', 'user:1234567'),
        fc.uint8Array({ maxLength: 3, max: 3 }),
        fc.constantFrom('', '12345678'),
        fc.uint8Array({ maxLength: 2, max: 1 }),
      )
      .map(([prefix, some, middle, more]) =>
        concatBytes([bytes(prefix), some, bytes(middle), more]),
      );
    fc.assert(
      fc.property(
        fc.uniqueArray(key, { minLength: 1, comparator: (a, b) => compareBytes(a, b) === 0 }),
        key,
        key,
        fc.nat(1),
        (bounds, probe, other, level) => {
          bounds.sort(compareBytes);
          const added = [];
          for (let i = 0; i + 1 < bounds.length; i += 2) {
            added.push(table(i + 1, level, bounds[i], bounds[i + 1]));
          }
          const version = Version.empty().apply(added, []);
          const tables = version.tablesAt(level);
          const contains = tables.filter(
            (each) =>
              compareBytes(each.smallest, probe) <= 0 && compareBytes(each.largest, probe) >= 0,
          );
          if (level > 0) {
            expect(version.findTable(level, probe)).toBe(contains[0]);
            const index = tables.findIndex((each) => compareBytes(each.largest, probe) >= 0);
            expect(version.findTableIndex(level, probe)).toBe(index < 0 ? tables.length : index);
          }
          expect(version.overlapping(level, probe, probe)).toEqual(contains);
          const [lower, upper] = [probe, other].sort(compareBytes);
          for (const from of [lower, undefined]) {
            for (const to of [upper, undefined]) {
              expect(version.overlapping(level, from, to)).toEqual(
                tables.filter(
                  (each) =>
                    (from === undefined || compareBytes(each.largest, from) >= 0) &&
                    (to === undefined || compareBytes(each.smallest, to) <= 0),
                ),
              );
            }
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
