// Merging cursors and what a reader sees of them: memtables as sources, entries of 16 + 100 bytes.
import { layOut, load, makeValue, Random, runAlone } from './harness.mjs';
import { keysOf, maxSeq, seekEach, walk } from './tables.mjs';

const { ArenaPool } = await load('memtable/arena-pool.js');
const { Memtable } = await load('memtable/memtable.js');
const { mergeCursors } = await load('iterator/merging-iterator.js');
const { VisibleIterator } = await load('iterator/visible-iterator.js');
const { CompactionIterator } = await load('iterator/compaction-iterator.js');
const { kindDelete, kindPut } = await load('base/internal-key.js');

export async function define({ measure, scaled }) {
  const entries = scaled(64_000, 64);
  const order = new Random().order(entries);
  const keys = layOut(order);
  const targets = keysOf(keys, scaled(10_000));
  const value = makeValue(new Random());
  const pool = new ArenaPool({ maxPooledBytes: 2 ** 28 });

  /** `count` sources with a share of the keys each; with `versions`, each key so many times. */
  const sources = (count, versions = 1, kindOf = () => kindPut) => {
    const tables = Array.from({ length: count }, () => new Memtable(pool));
    let seq = 1;
    for (let version = 0; version < versions; version++) {
      for (let i = 0; i < entries; i++) {
        const kind = version === versions - 1 ? kindOf(i) : kindPut;
        const length = kind === kindPut ? value.length : 0;
        tables[(i + version) % count].add(keys, 16 * i, 16 * i + 16, seq++, kind, value, 0, length);
      }
    }
    return tables;
  };
  const cursorOver = (tables) => mergeCursors(tables.map((table) => table.cursor()));
  const release = (tables) => tables.forEach((table) => table.release());
  const look = (tables) => new VisibleIterator(cursorOver(tables), { seq: maxSeq });

  for (const count of [1, 2, 4, 8, 16]) {
    const tables = sources(count);
    const cursor = cursorOver(tables);
    await measure(`merge of ${count}, next`, entries, () => walk(cursor, true));
    if (count === 8) {
      await measure(`merge of ${count}, prev`, entries, () => walk(cursor, false));
      await measure(`merge of ${count}, seek and 10 steps`, targets.length, () =>
        seekEach(cursor, targets, 10),
      );
    }
    if (count === 1 || count === 8) {
      await measure(`visible, over ${count}, next`, entries, () => walk(look(tables), true));
      await measure(`visible, over ${count}, prev`, entries, () => walk(look(tables), false));
    }
    release(tables);
  }

  const overwritten = sources(4, 4);
  await measure('visible, 4 versions of each key, per key, next', entries, () =>
    walk(look(overwritten), true),
  );
  await measure('visible, 4 versions of each key, per key, prev', entries, () =>
    walk(look(overwritten), false),
  );
  await measure('compaction, 4 versions, per entry read', 4 * entries, () => {
    return walk(compact(overwritten), true);
  });
  release(overwritten);

  const deleted = sources(4, 2, (i) => (i % 2 === 0 ? kindDelete : kindPut));
  await measure('visible, half of the keys deleted, next', entries, () =>
    walk(look(deleted), true),
  );
  release(deleted);

  function compact(tables) {
    return new CompactionIterator(cursorOver(tables), []);
  }
}

await runAlone(import.meta.url, define);
