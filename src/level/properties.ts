import type { DatabaseStats } from '../index.js';

/** What `getProperty` gives: LevelDB's names with our figures, in its form. Empty for a name that it does not know. */
export function propertyOf(stats: DatabaseStats, property: string): string {
  const level = /^leveldb\.num-files-at-level(\d+)$/.exec(property)?.[1];
  if (level !== undefined) return filesAt(stats, Number(level));
  switch (property) {
    case 'leveldb.stats':
      return levelTable(stats);
    case 'leveldb.sstables':
      return tablesByLevel(stats);
    case 'leveldb.approximate-memory-usage':
      return String(stats.memoryBytes);
    case 'nori.stats':
      return JSON.stringify(stats, undefined, 2);
    default:
      return '';
  }
}

/** LevelDB has seven levels, empty ones among them. */
function filesAt({ levels }: DatabaseStats, level: number): string {
  if (level >= Math.max(7, levels.length)) return '';
  return String(levels.find((stats) => stats.level === level)?.tables ?? 0);
}

/** LevelDB's table without its column of seconds, which we do not count. */
function levelTable({ levels }: DatabaseStats): string {
  const lines = [
    '                               Compactions',
    'Level  Files Size(MB) Read(MB) Write(MB)',
    '-----------------------------------------',
  ];
  for (const { level, tables, bytes, compactionReadBytes, writtenBytes } of levels) {
    if (tables === 0 && writtenBytes === 0) continue;
    const figures = [bytes, compactionReadBytes, writtenBytes].map((n) => (n / 2 ** 20).toFixed(0));
    const [size, read, write] = figures;
    lines.push(
      `${String(level).padStart(3)} ${String(tables).padStart(8)} ${size.padStart(8)} ` +
        `${read.padStart(8)} ${write.padStart(9)}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** One line for each level: single tables have no name that matters. */
function tablesByLevel({ levels }: DatabaseStats): string {
  return levels
    .map(
      ({ level, tables, bytes, entries }) =>
        `--- level ${level} ---\n` +
        (tables === 0 ? '' : ` ${tables} tables, ${bytes} bytes, ${entries} entries\n`),
    )
    .join('');
}
