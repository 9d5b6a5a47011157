import Table from 'cli-table3';
import type { DatabaseStats, KeyspaceStats } from '../index.js';
import { bar, formatCount, formatPlural, formatRatio, formatSize } from './numbers.js';
import { showText } from './show-bytes.js';

/** What a keyspace has, and the database as a whole. */
type Figures = Omit<KeyspaceStats, 'name'>;

/** Those of one keyspace, or of all together. */
export function figuresOf(stats: DatabaseStats, keyspace: string | undefined): Figures {
  if (keyspace !== undefined) return stats.keyspaces.find(({ name }) => name === keyspace)!;
  return { ...stats, pendingCompactionBytes: stats.background.pendingCompactionBytes };
}

const barWidth = 24;

/** No borders but a rule below the header: easy on eyes, `grep` and `awk`. */
const plain: Table.TableConstructorOptions['chars'] = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '' },
  ...{ bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' },
  ...{ left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '  ' },
};

function makeTable(head: string[], colAligns: ('left' | 'right')[]): Table.Table {
  const style = { head: [], border: [], 'padding-left': 0, 'padding-right': 0 };
  return new Table({ head, colAligns, chars: plain, style });
}

/** The tree as a table: one line per level, a bar for its share of the bytes. */
function formatLevels(stats: Figures): string {
  const largest = Math.max(1, ...stats.levels.map((level) => level.bytes));
  const table = makeTable(
    ['level', 'tables', 'size', '', 'entries', 'tombstones', 'target', 'written', 'read'],
    ['left', 'right', 'right', 'left', 'right', 'right', 'right', 'right', 'right'],
  );
  for (const level of stats.levels) {
    table.push([
      `L${level.level}`,
      formatCount(level.tables),
      formatSize(level.bytes),
      bar(level.bytes / largest, barWidth).padEnd(barWidth),
      formatCount(level.entries),
      formatCount(level.tombstones),
      level.targetBytes === 0 ? '–' : formatSize(level.targetBytes),
      formatSize(level.writtenBytes),
      formatSize(level.compactionReadBytes),
    ]);
  }
  return trimLines(table.toString());
}

function trimLines(text: string): string {
  return text.replace(/[ \t]+$/gm, '');
}

type Line = readonly [name: string, value: string];

function formatLines(lines: readonly Line[]): string {
  return lines.map(([name, value]) => `${name.padEnd(20)} ${value}\n`).join('');
}

function formatFacts(figures: Figures): string {
  const { written, memtables } = figures;
  return formatLines([
    [
      'write amplification',
      `${formatRatio(figures.writeAmplification)}  (${formatSize(written.flushBytes)} flushed + ${formatSize(written.compactionBytes)} compacted) / ${formatSize(written.userBytes)} from callers`,
    ],
    [
      'space amplification',
      `${formatRatio(figures.spaceAmplificationEstimate)}  (estimate: bytes of all tables / bytes after a full compaction)`,
    ],
    [
      'memtables',
      `${formatCount(memtables.activeEntries)} entries, ${formatSize(memtables.activeBytes + memtables.immutableBytes)}`,
    ],
    ['waiting compaction', formatSize(figures.pendingCompactionBytes)],
  ]);
}

/** What all keyspaces have together. */
function formatShared(stats: DatabaseStats): string {
  const { lost } = stats.tables;
  const { files, bytes } = stats.log;
  const lines: Line[] = [
    [
      'log',
      `${formatPlural(files, 'file')}, ${formatSize(bytes)} now, ${formatSize(stats.written.walBytes)} in all`,
    ],
    ['sequence number', formatCount(stats.seq)],
  ];
  if (lost.files > 0) {
    lines.push([
      'set aside in lost/',
      `${formatPlural(lost.files, 'table')}, ${formatSize(lost.bytes)}`,
    ]);
  }
  return formatLines(lines);
}

function sumOf(
  { levels }: Figures,
  field: 'tables' | 'bytes' | 'rawBytes' | 'entries' | 'tombstones',
): number {
  return levels.reduce((total, level) => total + level[field], 0);
}

function formatTotals(figures: Figures): string {
  return `${formatPlural(sumOf(figures, 'tables'), 'table')}, ${formatSize(sumOf(figures, 'bytes'))} on disk, ${formatSize(sumOf(figures, 'rawBytes'))} of keys and values\n`;
}

/** A line for each keyspace; nothing where there is but the default one. */
function formatKeyspaces({ keyspaces }: DatabaseStats): string {
  if (keyspaces.length < 2) return '';
  const table = makeTable(
    ['keyspace', 'tables', 'size', 'entries', 'in memtables'],
    ['left', 'right', 'right', 'right', 'right'],
  );
  for (const keyspace of keyspaces) {
    table.push([
      showText(keyspace.name),
      formatCount(sumOf(keyspace, 'tables')),
      formatSize(sumOf(keyspace, 'bytes')),
      formatCount(sumOf(keyspace, 'entries')),
      formatCount(keyspace.memtables.activeEntries),
    ]);
  }
  return `\n${trimLines(table.toString())}\n`;
}

/** The database, or one keyspace of it. */
export function formatStats(stats: DatabaseStats, keyspace?: string): string {
  const figures = figuresOf(stats, keyspace);
  const text = `${formatLevels(figures)}\n\n${formatTotals(figures)}${formatFacts(figures)}`;
  if (keyspace !== undefined) return text;
  return `${text}${formatShared(stats)}${formatKeyspaces(stats)}`;
}

/** The figures that change while somebody writes, as one line. */
export function formatStatsLine(
  stats: DatabaseStats,
  keyspace: string | undefined,
  writesPerSecond: number | undefined,
): string {
  const figures = figuresOf(stats, keyspace);
  const rate = writesPerSecond === undefined ? '' : ` (+${formatCount(writesPerSecond)}/s)`;
  const tables = formatPlural(sumOf(figures, 'tables'), 'table');
  return [
    `seq ${formatCount(stats.seq)}${rate}`,
    `${tables}, ${formatSize(sumOf(figures, 'bytes'))}, ${figures.levels.at(0)?.tables ?? 0} in L0`,
    `${formatSize(figures.pendingCompactionBytes)} to compact`,
    `write amplification ${formatRatio(figures.writeAmplification)}`,
  ].join('; ');
}
