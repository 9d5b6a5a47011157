import { isLsmError, type DatabaseStats } from '../index.js';
import {
  mustHaveKeyspace,
  openForReading,
  withDatabase,
  type KeyspaceFlag,
  type Settings,
} from './database.js';
import { formatCount } from './numbers.js';
import type { Output } from './output.js';
import { figuresOf, formatStats, formatStatsLine } from './stats-text.js';
import { isTerminal } from './terminal.js';
import { clearScreen, inPlace, repeat } from './watch.js';

export interface StatsOptions extends KeyspaceFlag {
  readonly json?: boolean;
  /** Targets of levels follow the settings. */
  readonly set?: Settings;
  /** Seconds between two looks; true for the default. */
  readonly watch?: number | true;
}

const defaultWatchSeconds = 2;

/** Opened anew each time: a frozen view takes no lock, so that a writer is not in the way. */
function readStats(directory: string, options: StatsOptions): Promise<DatabaseStats> {
  return withDatabase(openForReading(directory, options.set), async (db) => {
    if (options.keyspace !== undefined) mustHaveKeyspace(db, options.keyspace);
    return db.stats();
  });
}

/** What `--json` prints. */
function dataOf(stats: DatabaseStats, { keyspace }: StatsOptions): object {
  return keyspace === undefined ? stats : figuresOf(stats, keyspace);
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
    if (options.json === true)
      output.write(`${JSON.stringify({ time, ...dataOf(figures, options) })}\n`);
    else if (!isScreen)
      output.write(`${time} ${formatStatsLine(figures, options.keyspace, rate)}\n`);
    else {
      const writes = rate === undefined ? '' : `, ${formatCount(rate)} writes/s`;
      const title = `${directory}, ${time}, every ${seconds} s${writes}; Ctrl-C ends\n\n`;
      output.write(inPlace(title + formatStats(figures, options.keyspace)));
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
    options.json === true
      ? `${JSON.stringify(dataOf(figures, options), null, 2)}\n`
      : formatStats(figures, options.keyspace),
  );
  await output.drain();
}
