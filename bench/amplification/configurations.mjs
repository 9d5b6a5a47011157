// What is measured, as options of a memtable of any size: everything that has a
// size keeps its proportion to the memtable.
const MiB = 2 ** 20;

/** `options` in bytes, shrunk so that its memtable has `memtableBytes`. */
function shrink(options, memtableBytes) {
  const sizes = ['tableBytes', 'baseLevelBytes'];
  const factor = memtableBytes / options.memtableBytes;
  const shrunk = sizes
    .filter((name) => options[name] !== undefined)
    .map((name) => [name, Math.round(options[name] * factor)]);
  return { ...options, ...Object.fromEntries(shrunk), memtableBytes };
}

const defaults = { memtableBytes: 32 * MiB, tableBytes: 16 * MiB };

/** The page's sizes; its levels, compression and filters come with the preset. */
const recipe = (l0CompactionTrigger, levelSizeMultiplier) => ({
  preset: 'recipe',
  memtableBytes: 64e6,
  tableBytes: 100e6,
  baseLevelBytes: 400e6,
  l0CompactionTrigger,
  levelSizeMultiplier,
});

const all = {
  defaults,
  'recipe, trigger 4, fan-out 10': recipe(4, 10),
  'recipe, trigger 8, fan-out 10': recipe(8, 10),
  'recipe, trigger 4, fan-out 20': recipe(4, 20),
  'recipe, trigger 8, fan-out 20': recipe(8, 20),
  'mostly writes': {
    ...defaults,
    l0CompactionTrigger: 16,
    l0SlowdownTables: 32,
    l0StopTables: 48,
  },
};

export const configurationNames = Object.keys(all);

/** `changes`: further options, sizes in bytes for a memtable of 32 MiB. */
export function optionsOf(name, memtableBytes, changes = {}) {
  return shrink({ ...all[name], ...changes }, memtableBytes);
}
