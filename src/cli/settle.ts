import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../index.js';

const largestLeftInLog = 4 * 1024 * 1024;
const pollIntervalMs = 20;

/**
 * Lets flushes and compactions that are due end: closing would abort them, and
 * commands that only read start none, so reads would stay slow.
 */
export async function settle(db: Database, isInterrupted: () => boolean): Promise<void> {
  // What closing flushes may make a compaction due. Less than that stays in the log.
  if (db.stats().memtables.activeBytes > largestLeftInLog) await db.flush();
  // Between two compactions nothing runs for a moment.
  for (let quietPolls = 0; quietPolls < 2 && !isInterrupted();) {
    const isRunning = db.stats().background.running.length > 0;
    quietPolls = isRunning ? 0 : quietPolls + 1;
    await sleep(pollIntervalMs);
  }
}
