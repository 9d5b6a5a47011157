import Table from 'cli-table3';
import { isLsmError, type DatabaseStats } from '../index.js';
import { openForReading, withDatabase, type Settings } from './database.js';
import { bar, formatCount, formatPlural, formatRatio, formatSize } from './numbers.js';
import type { Output } from './output.js';
import { isTerminal } from './terminal.js';
import { clearScreen, inPlace, repeat } from './watch.js';

const barWidth = 24;

/** No borders but a rule below the header: easy on eyes, `grep` and `awk`. */
const plain: Table.TableConstructorOptions['chars'] = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '' },
  ...{ bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' },
  ...{ left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '  ' },
};

/** The tree as a table: one line per level, a bar for its share of the bytes. */
export function formatLevels(stats: DatabaseStats): string {
  const largest = Math.max(1, ...stats.levels.map((level) => level.bytes));
  const table = new Table({
    head: ['level', 'tables', 'size', '', 'entries', 'tombstones', 'target', 'written', 'read'],
    colAligns: ['left', 'right', 'right', 'left', 'right', 'right', 'right', 'right', 'right'],
    chars: plain,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
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

/** Everything but the levels, one fact per line. */
function formatFacts(stats: DatabaseStats): string {
  const { written } = stats;
  const lost = stats.tables.lost;
  const lines: (readonly [string, string] | undefined)[] = [
    [
      'write amplification',
      `${formatRatio(stats.writeAmplification)}  (${formatSize(written.flushBytes)} flushed + ${formatSize(written.compactionBytes)} compacted) / ${formatSize(written.userBytes)} from callers`,
    ],
    [
      'space amplification',
      `${formatRatio(stats.spaceAmplificationEstimate)}  (estimate: bytes of all tables / bytes after a full compaction)`,
    ],
    [
      'memtables',
      `${formatCount(stats.memtables.activeEntries)} entries, ${formatSize(stats.memtables.activeBytes + stats.memtables.immutableBytes)}`,
    ],
    [
      'log',
      `${formatPlural(stats.log.files, 'file')}, ${formatSize(stats.log.bytes)} now, ${formatSize(written.walBytes)} in all`,
    ],
    ['waiting compaction', formatSize(stats.background.pendingCompactionBytes)],
    ['sequence number', formatCount(stats.seq)],
    lost.files === 0
      ? undefined
      : ['set aside in lost/', `${formatPlural(lost.files, 'table')}, ${formatSize(lost.bytes)}`],
  ];
  return lines
    .filter((line) => line !== undefined)
    .map(([name, value]) => `${name.padEnd(20)} ${value}`)
    .join('\n');
}

function formatTotals(stats: DatabaseStats): string {
  const sum = (read: (level: DatabaseStats['levels'][number]) => number): number =>
    stats.levels.reduce((total, level) => total + read(level), 0);
  const tables = sum((level) => level.tables);
  return `${formatPlural(tables, 'table')}, ${formatSize(sum((level) => level.bytes))} on disk, ${formatSize(sum((level) => level.rawBytes))} of keys and values`;
}

export function formatStats(stats: DatabaseStats): string {
  return `${formatLevels(stats)}\n\n${formatTotals(stats)}\n${formatFacts(stats)}\n`;
}

export interface StatsOptions {
  readonly json?: boolean;
  /** Targets of levels follow the settings. */
  readonly set?: Settings;
  /** Seconds between two looks; true for the default. */
  readonly watch?: number | true;
}

const defaultWatchSeconds = 2;

/** Opened anew each time: a frozen view takes no lock, so that a writer is not in the way. */
function readStats(directory: string, options: StatsOptions): Promise<DatabaseStats> {
  return withDatabase(openForReading(directory, options.set), async (db) => db.stats());
}

/** The figures that change while somebody writes, as one line. */
export function formatStatsLine(stats: DatabaseStats, writesPerSecond: number | undefined): string {
  const { levels, background } = stats;
  const tables = levels.reduce((sum, level) => sum + level.tables, 0);
  const bytes = levels.reduce((sum, level) => sum + level.bytes, 0);
  const rate = writesPerSecond === undefined ? '' : ` (+${formatCount(writesPerSecond)}/s)`;
  return [
    `seq ${formatCount(stats.seq)}${rate}`,
    `${formatPlural(tables, 'table')}, ${formatSize(bytes)}, ${levels.at(0)?.tables ?? 0} in L0`,
    `${formatSize(background.pendingCompactionBytes)} to compact`,
    `write amplification ${formatRatio(stats.writeAmplification)}`,
  ].join('; ');
}

async function watch(output: Output, directory: string, options: StatsOptions): Promise<void> {
  const seconds = options.watch === true ? defaultWatchSeconds : options.watch!;
  const isScreen = isTerminal(process.stdout) && options.json !== true;
  let before: { readonly seq: number; readonly atMs: number } | undefined;
  if (isScreen) output.write(clearScreen);
  await repeat(output, seconds, async () => {
    let figures: DatabaseStats;
    try {
      figures = await readStats(directory, options);
    } catch (error) {
      // Its writer was faster than we; the next look may be luckier.
      if (isLsmError(error, 'LSM_BUSY')) return;
      throw error;
    }
    const atMs = performance.now();
    const rate = before && (1000 * (figures.seq - before.seq)) / (atMs - before.atMs);
    before = { seq: figures.seq, atMs };
    const time = new Date().toISOString();
    if (options.json === true) output.write(`${JSON.stringify({ time, ...figures })}\n`);
    else if (!isScreen) output.write(`${time} ${formatStatsLine(figures, rate)}\n`);
    else {
      const writes = rate === undefined ? '' : `, ${formatCount(rate)} writes/s`;
      const title = `${directory}, ${time}, every ${seconds} s${writes}; Ctrl-C ends\n\n`;
      output.write(inPlace(title + formatStats(figures)));
    }
  });
  // Ctrl-C leaves the cursor behind its own mark.
  if (isScreen) output.write('\n');
  await output.drain();
}

export async function stats(
  output: Output,
  directory: string,
  options: StatsOptions,
): Promise<void> {
  if (options.watch !== undefined) return watch(output, directory, options);
  const figures = await readStats(directory, options);
  output.write(
    options.json === true ? `${JSON.stringify(figures, null, 2)}\n` : formatStats(figures),
  );
  await output.drain();
}
