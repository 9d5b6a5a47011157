import { describe, expect, it } from 'vitest';
import { compareBytes, keySuccessor } from '../base/bytes.js';
import { Entry } from '../base/entry.js';
import {
  ArrayCursor,
  complete,
  entryOf,
  StutteringCursor,
  textKey,
} from '../../test/compaction/cursors.js';
import { Prng } from '../base/prng.js';
import type { Cursor } from './cursor.js';
import { EmptyRanges } from './empty-ranges.js';
import { VisibleIterator, type ScanCounters, type VisibleScope } from './visible-iterator.js';

function keyAt(index: number): Uint8Array {
  return textKey(`k${String(index).padStart(4, '0')}`);
}

/** Entries 0..count, the ones in [begin, end) deleted; the newest number is `count`. */
function entriesWithGap(count: number, begin: number, end: number): Entry[] {
  return Array.from({ length: count }, (_, i) =>
    i >= begin && i < end ? Entry.delete(keyAt(i), i + 1) : Entry.put(keyAt(i), 'v', i + 1),
  );
}

function textOf(key: Uint8Array): string {
  return Buffer.from(key).toString('latin1');
}

function shown(iterator: VisibleIterator): string | undefined {
  if (!iterator.valid) return undefined;
  return textOf(entryOf(iterator.entry).key);
}

function put(ranges: EmptyRanges, key: Uint8Array, seq: number): void {
  ranges.onPut(key, 0, key.length, seq);
}

/** Has to be waited for once, in its `call`th call of all. */
class WaitingCursor extends ArrayCursor {
  #calls = 0;
  #mustWait: number;

  constructor(entries: readonly Entry[], call: number) {
    super(entries);
    this.#mustWait = call;
  }

  override first(): boolean {
    return this.#isThere() && super.first();
  }

  override last(): boolean {
    return this.#isThere() && super.last();
  }

  override next(): boolean {
    return this.#isThere() && super.next();
  }

  override prev(): boolean {
    return this.#isThere() && super.prev();
  }

  override waitSync(): void {
    this.#mustWait = -1;
  }

  #isThere(): boolean {
    return this.#mustWait < 0 || this.#calls++ < this.#mustWait;
  }
}

interface Opened {
  readonly ranges: EmptyRanges;
  open(scope?: Partial<VisibleScope>, cursor?: Cursor): VisibleIterator;
}

function makeReaders(entries: readonly Entry[]): Opened {
  const ranges = new EmptyRanges();
  return {
    ranges,
    open: (scope = {}, cursor = new ArrayCursor(entries)) =>
      new VisibleIterator(cursor, { seq: entries.length, emptyRanges: ranges, ...scope }),
  };
}

describe('DeletedRun', () => {
  it('jumps where an earlier scan stepped, forward and back, in every kind of call', () => {
    const { ranges, open } = makeReaders(entriesWithGap(1000, 100, 900));
    const calls: readonly (readonly [(it: VisibleIterator) => boolean, string])[] = [
      [(it) => it.seek(keyAt(100)), 'k0900'],
      [(it) => it.seek(keyAt(500)), 'k0900'],
      [(it) => it.seekBefore(keyAt(900)), 'k0099'],
      [(it) => it.seekBefore(keyAt(300)), 'k0099'],
      [(it) => it.seek(keyAt(99)) && it.next(), 'k0900'],
      [(it) => it.seekBefore(keyAt(901)) && it.prev(), 'k0099'],
    ];
    const first = open();
    first.seek(keyAt(100));
    expect([shown(first), first.steppedOver, first.jumps]).toEqual(['k0900', 800, 0]);
    expect(ranges.count).toBe(1);
    for (const [call, expected] of calls) {
      const iterator = open();
      call(iterator);
      expect([shown(iterator), iterator.jumps]).toEqual([expected, 1]);
      expect(iterator.steppedOver).toBeLessThanOrEqual(16);
    }
    expect(ranges.count).toBe(1);
  });

  it('learns in reverse and forward alike', () => {
    for (const learn of ['last', 'first'] as const) {
      const { ranges, open } = makeReaders(
        learn === 'first' ? entriesWithGap(300, 0, 200) : entriesWithGap(300, 100, 300),
      );
      for (let round = 0; round < 3; round++) {
        const iterator = open();
        iterator[learn]();
        expect(shown(iterator)).toBe(learn === 'first' ? 'k0200' : 'k0099');
        expect(iterator.steppedOver).toBeLessThanOrEqual(round === 0 ? 200 : 1);
        expect(iterator.jumps).toBe(round === 0 ? 0 : 1);
      }
      expect(ranges.count).toBe(1);
    }
  });

  it('remembers nothing of a few deleted keys, nor of many versions of one', () => {
    const versions = Array.from({ length: 99 }, (_, i) => Entry.put(keyAt(0), 'v', 99 - i));
    for (const entries of [entriesWithGap(99, 10, 25), versions]) {
      const { ranges, open } = makeReaders(entries);
      for (const iterator = open(); ;) {
        iterator.first();
        while (iterator.valid) iterator.next();
        iterator.last();
        while (iterator.valid) iterator.prev();
        break;
      }
      expect(ranges.count).toBe(0);
    }
  });

  it('ends within its bounds without a step when all of them is known to be empty', () => {
    const { open } = makeReaders(entriesWithGap(300, 50, 250));
    const bounds = { lower: keyAt(60), upper: keyAt(200) };
    const teacher = open();
    teacher.seek(keyAt(50));
    for (const call of ['first', 'last'] as const) {
      const iterator = open(bounds, new WaitingCursor([], 0));
      expect(iterator[call]()).toBe(true);
      expect([iterator.valid, iterator.steppedOver, iterator.jumps]).toEqual([false, 0, 1]);
    }
    const wider = open({ upper: keyAt(251) });
    wider.seek(keyAt(60));
    expect(shown(wider)).toBe('k0250');
  });

  it('claims nothing beyond the bounds it looked at', () => {
    const { ranges, open } = makeReaders(entriesWithGap(300, 50, 250));
    const upTo = open(
      { lower: keyAt(60), upper: keyAt(200) },
      new ArrayCursor(entriesWithGap(300, 50, 250).slice(60, 200)),
    );
    upTo.first();
    expect(upTo.valid).toBe(false);
    const [{ from, to }] = ranges.ranges;
    expect([compareBytes(from, keyAt(60)), compareBytes(to, keySuccessor(keyAt(199)))]).toEqual([
      0, 0,
    ]);
  });

  it('learns nothing once something was put after its moment', () => {
    const { ranges, open } = makeReaders(entriesWithGap(300, 0, 200));
    put(ranges, keyAt(999), 301);
    open().first();
    expect(ranges.count).toBe(0);
    open({ seq: 301 }).first();
    expect(ranges.count).toBe(1);
  });

  it('learns up to what was put while it waited, if that was ahead', () => {
    const cases = [
      { call: 'first', put: 999, expected: ['', 'k0199\0'] },
      { call: 'first', put: 120, expected: ['', 'k0120'] },
      { call: 'last', put: 0, expected: ['k0100', 'k0299\0'] },
      { call: 'last', put: 150, expected: ['k0150\0', 'k0299\0'] },
    ] as const;
    for (const { call, put: index, expected } of cases) {
      for (const waitAt of [10, 60, 199]) {
        const entries =
          call === 'first' ? entriesWithGap(300, 0, 200) : entriesWithGap(300, 100, 300);
        const { ranges, open } = makeReaders(entries);
        const iterator = open({}, new WaitingCursor(entries, waitAt));
        expect(iterator[call]()).toBe(false);
        put(ranges, keyAt(index), 301);
        complete(iterator, () => iterator[call]());
        const [range] = ranges.ranges;
        const text = [range.from, range.to].map(textOf);
        expect(text).toEqual(expected);
      }
    }
  });

  it('lets go of its watch when the call is abandoned or the scan closed', () => {
    const entries = entriesWithGap(300, 0, 200);
    for (const leave of ['seekBefore', 'close'] as const) {
      const { ranges, open } = makeReaders(entries);
      const watches: unknown[] = [];
      const unwatch = ranges.unwatch.bind(ranges);
      ranges.unwatch = (watch) => {
        watches.push(watch);
        unwatch(watch);
      };
      const iterator = open({}, new WaitingCursor(entries, 50));
      expect(iterator.first()).toBe(false);
      expect(watches.length).toBe(0);
      if (leave === 'close') iterator.close();
      else iterator.seekBefore(keyAt(250));
      expect(watches.length).toBe(1);
    }
  });

  it('adds up what scans did when they are closed, once', () => {
    const counters: ScanCounters = { scans: 0, steppedOver: 0, jumps: 0 };
    const { open } = makeReaders(entriesWithGap(300, 0, 200));
    for (let i = 0; i < 2; i++) {
      const iterator = open({ counters });
      iterator.first();
      iterator.close();
      iterator.close();
    }
    expect(counters).toEqual({ scans: 2, steppedOver: 200, jumps: 1 });
  });

  it('jumps after waits as it does without', () => {
    const entries = entriesWithGap(300, 0, 200);
    const { open } = makeReaders(entries);
    open().first();
    const random = new Prng(1);
    const iterator = open({}, new StutteringCursor(new ArrayCursor(entries), random));
    complete(iterator, () => iterator.first());
    expect([shown(iterator), iterator.steppedOver]).toEqual(['k0200', 0]);
  });

  it('learns between two keys that it shows, from the sixteenth deleted one on', () => {
    const { ranges, open } = makeReaders(entriesWithGap(300, 100, 200));
    const iterator = open();
    for (iterator.first(); iterator.valid; iterator.next());
    const texts = (): string[] =>
      ranges.ranges.map(({ from, to }) => `${textOf(from)}..${textOf(to)}`);
    expect(texts()).toEqual(['k0115..k0199\0']);
    for (iterator.last(); iterator.valid; iterator.prev());
    expect(texts()).toEqual(['k0100..k0199\0']);
  });

  it('learns nothing when its watch was given to others', () => {
    const entries = entriesWithGap(300, 0, 200);
    const { ranges, open } = makeReaders(entries);
    const scans = Array.from({ length: 5 }, () => open({}, new WaitingCursor(entries, 60)));
    for (const scan of scans) expect(scan.first()).toBe(false);
    put(ranges, keyAt(20), 301);
    complete(scans[0], () => scans[0].first());
    expect(ranges.count).toBe(0);
    complete(scans[1], () => scans[1].first());
    expect(ranges.ranges.map(({ to }) => textOf(to))).toEqual(['k0020']);
  });

  it('begins anew behind a key that it showed after a jump', () => {
    const isVisible = (i: number): boolean => i % 50 === 0;
    const entries = Array.from({ length: 201 }, (_, i) =>
      isVisible(i) ? Entry.put(keyAt(i), 'v', i + 1) : Entry.delete(keyAt(i), i + 1),
    );
    const { open } = makeReaders(entries);
    const expected = ['k0000', 'k0050', 'k0100', 'k0150', 'k0200'];
    for (let round = 0; round < 3; round++) {
      const iterator = open();
      const met: (string | undefined)[] = [];
      for (iterator.first(); iterator.valid; iterator.next()) met.push(shown(iterator));
      expect(met).toEqual(expected);
      for (iterator.last(); iterator.valid; iterator.prev()) met.push(shown(iterator));
      expect(met).toEqual([...expected, ...[...expected].reverse()]);
    }
  });
});
