import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readPage, tableLines } from '../docs/page.js';
import { root } from '../tidy/project-files.js';

/** Lines of the recipe page that must be kept and shown to be kept. */
const pageLines: Readonly<Record<string, readonly string[]>> = {
  'the overview': [
    'MemTable (sorted in-memory)',
    'Fast writes (insert/update/del)',
    'Limited size (64MB typical)',
    'Flush when full',
    'Level 0 (unsorted SSTables)',
    'Multiple overlapping files',
    'Direct memtable flushes',
    'Compact when L0 > 4 files',
    'Level 1+ (sorted, non-overlapping)',
    '10x size per level',
    'Range partitioned',
  ],
  'L0 Characteristics': [
    'Files can overlap (different memtable flush times)',
    'No size limit per file (based on memtable size)',
    'Requires checking ALL L0 files for a key',
    'Must check: l0_001, l0_002, l0_003 (all overlap "f")',
  ],
  Compaction: [
    'Building L0 SSTable',
    'Merge iterators (newest first for shadowing)',
    'Delete old L0 files',
    'Newer files win',
    'Skip duplicates (same key from older files)',
    'Range Partitioning (L1+)',
    'Start new partition if needed',
  ],
  'Level Sizing': [
    'Level, Max Size, Files (100MB each), Fanout',
    'L0      400 MB      4                   N/A (special)',
    'L1      400 MB      4                   10x',
    'L2      4 GB        40                  10x',
    'L3      40 GB       400                 10x',
    'L4      400 GB      4,000               10x',
  ],
  'Multi-Level Lookup': [
    'Multi-Level Lookup',
    '1. Check memtable (newest data)',
    '2. Check L0 (must check ALL files, newest first)',
    '3. Check L1+ (binary search for range, then check file)',
    '4. Not found',
  ],
  'Range Contains Check': [
    'Check if key falls in [first_key, last_key] range',
    'Check range [a,j]: No',
    'Check range [k,s]: Yes → bloom + index search',
    'Check range [t,z]: No',
    'Files checked: 1 (instead of 10!)',
  ],
  'Deletion During Compaction': [
    'Deletion During Compaction',
    'Only keep tombstone if lower levels might have this key',
    'L1 compaction:',
    'Action: Keep (L2+ might have old value)',
    'L4 compaction (last level):',
    'Action: Drop (no lower levels, GC complete)',
  ],
  'Write Amplification': [
    'Original write: 100 MB memtable flush',
    'L0 flush: 100 MB written (1x)',
    'L0→L1 compact: 400 MB L0 + 400 MB L1 = 800 MB read, 400 MB written (4x)',
    'L1→L2 compact: 400 MB L1 + 4 GB L2 = 4.4 GB read, 4 GB written (40x)',
    'Write amplification: 4,500 / 100 = 45x',
    'Compact L0→L1 when 8 files (instead of 4)',
    'Old (4 files): 45x',
    'New (8 files): 22x (2x better!)',
    'Trade-off: More L0 files → slower reads',
    '20x fanout instead of 10x',
    'L1: 400 MB',
    'L2: 8 GB (instead of 4 GB)',
    'L3: 160 GB (instead of 40 GB)',
    'Fewer compactions = lower write amp',
  ],
  'Configuration Per Level': [
    'level 0: compression: Compression::Lz4',
    'level 0: block_cache_mb: 128,  // Hot data',
    'level 0: bloom_bits_per_key: 12',
    'levels 1..=2: compression: Compression::Lz4',
    'levels 1..=2: block_cache_mb: 64,  // Warm data',
    'levels 1..=2: bloom_bits_per_key: 10',
    'levels _: compression: Compression::Zstd',
    'levels _: block_cache_mb: 0,  // Cold data',
    'levels _: bloom_bits_per_key: 8',
    'levels _: block_size: 8192,  // Larger blocks',
  ],
  'LSM integration checklist': [
    'Flush sorted memtable to L0 SSTable',
    'Merge L0 files during compaction (handle overlaps)',
    'Partition L1+ into non-overlapping ranges',
    'Multi-level lookup (memtable → L0 → L1+)',
    'Tombstone GC at last level',
    'Per-level configuration (compression, cache, bloom)',
  ],
  'Performance tips': [
    'Use bloom filters at all levels (9x fewer disk reads)',
    'Cache hot levels (L0/L1) more aggressively',
    'Increase L0 threshold to reduce write amp',
    'Use Zstd compression for deep levels (save disk space)',
  ],
  'nori-sstable advantages': [
    'Immutable files → lock-free reads during compaction',
    'Built-in bloom filters → fast negative lookups',
    'Flexible compression → optimize per level',
    'Efficient range scans → fast compaction',
  ],
};

/** By file: the names of its tests, as `describe › it`. */
function testNames(): ReadonlyMap<string, readonly string[]> {
  const folder = join(root, 'test/recipe');
  const names = new Map<string, string[]>();
  for (const file of readdirSync(folder).filter((each) => each.endsWith('.test.ts'))) {
    const source = readFileSync(join(folder, file), 'utf8');
    const calls = source.matchAll(
      /^ *(describe|it)(?:\.each\([^;]*?\))?\(\s*(['"])((?:\\.|(?!\2).)*)\2/gm,
    );
    const found: string[] = [];
    let group = '';
    for (const [, kind, , quoted] of calls) {
      const name = quoted.replace(/\\(.)/g, '$1');
      if (kind === 'describe') group = name;
      else found.push(group === '' ? name : `${group} › ${name}`);
    }
    names.set(file, found);
  }
  return names;
}

const names = testNames();

/** As one reads it: runs of spaces are one, and quotes are not seen. */
function plain(text: string): string {
  return text.replace(/"/g, '').replace(/\s+/g, ' ');
}

interface Row {
  /** The lines of the page that the row is about. */
  readonly quoted: readonly string[];
  /** The tests that hold them: file and name. */
  readonly tests: readonly (readonly [file: string, name: string])[];
}

const rows: Row[] = [];
for (const [says, , tests] of tableLines(readPage('docs/recipe.md'))) {
  const listed = Array.from(tests?.matchAll(/`([\w-]+\.test\.ts)` › `([^`]+)`/g) ?? []);
  if (listed.length === 0) continue;
  rows.push({
    quoted: Array.from(says.matchAll(/`([^`]+)`/g), ([, line]) => line),
    tests: listed.map(([, file, name]) => [file, name]),
  });
}

/** The name with its group, if there is such a test. */
function findTest(file: string, name: string): string | undefined {
  return names.get(file)?.find((each) => each === name || each.endsWith(` › ${name}`));
}

describe('docs/recipe.md', () => {
  it('names tests that exist', () => {
    expect(rows.length).toBeGreaterThan(40);
    const missing = rows
      .flatMap(({ tests }) => tests)
      .filter(([file, name]) => findTest(file, name) === undefined);
    expect(missing).toEqual([]);
  });

  it('gives each line of the page a test whose name quotes it', () => {
    for (const { quoted, tests } of rows) {
      expect(quoted.length).toBeGreaterThan(0);
      const found = tests.map(([file, name]) => plain(findTest(file, name) ?? ''));
      for (const line of quoted) {
        expect(
          found.some((name) => name.includes(plain(line))),
          `${line}: ${found.join()}`,
        ).toBe(true);
      }
    }
  });

  const listed = new Set(rows.flatMap(({ quoted }) => quoted.map(plain)));

  it.each(Object.keys(pageLines))('has every line of "%s"', (part) => {
    const missing = pageLines[part].filter((line) => !listed.has(plain(line)));
    expect(missing).toEqual([]);
  });

  it('quotes nothing that is not on the page', () => {
    const known = new Set(Object.values(pageLines).flat().map(plain));
    expect([...listed].filter((line) => !known.has(line))).toEqual([]);
  });

  it('would notice a test that went away', () => {
    const [file, name] = rows[0].tests[0];
    expect(findTest(file, name)).toBeDefined();
    expect(findTest(file, `${name} no more`)).toBeUndefined();
  });
});
