import { isLsmError, type LsmError } from '../base/errors.js';
import { manifestAdvice } from '../manifest/find-manifest.js';
import type { LostPlace, RepairReport } from './repair-report.js';
import type { SalvagedLogs } from './salvage-logs.js';

type Lost = Omit<LostPlace, 'firstSeq' | 'lastSeq'>;

/** Gathers what a repair finds and does. */
export class Findings {
  readonly tables = { kept: 0, rewritten: 0, merged: 0, lost: 0, entriesSaved: 0 };
  readonly logs = { kept: 0, copied: 0, batchesSaved: 0 };
  readonly renamedKeyspaces: string[] = [];
  /** The manifest was lost. */
  isRebuilt = false;
  readonly #path: string;
  readonly #problems: string[] = [];
  readonly #lost: LostPlace[] = [];
  #setAside: readonly string[] = [];

  constructor(path: string) {
    this.#path = path;
  }

  problem(problem: LsmError | string): void {
    const message = isLsmError(problem) ? problem.message : problem;
    // What to do is being done.
    this.#problems.push(message.replace(manifestAdvice, ''));
  }

  lose(place: Lost): void {
    const { file, offset, bytes, what, keyspace, smallest, largest, deletedKeysMayReturn } = place;
    this.#lost.push({
      file,
      offset,
      bytes,
      what,
      keyspace,
      smallest,
      largest,
      firstSeq: undefined,
      lastSeq: undefined,
      deletedKeysMayReturn,
    });
  }

  loseRecords({ batches, lost }: SalvagedLogs, copied: number): void {
    this.logs.copied = copied;
    this.logs.batchesSaved = batches;
    for (const { path, offset, bytes, what, firstSeq, lastSeq } of lost) {
      this.#lost.push({
        file: path,
        offset,
        bytes,
        what,
        keyspace: undefined,
        smallest: undefined,
        largest: undefined,
        firstSeq,
        lastSeq,
        deletedKeysMayReturn: true,
      });
    }
  }

  setAside(names: readonly string[]): void {
    this.#setAside = [...names].sort();
  }

  sound(): RepairReport {
    return this.report('sound');
  }

  report(outcome: RepairReport['outcome']): RepairReport {
    return {
      path: this.#path,
      outcome,
      manifest: this.isRebuilt ? 'rebuilt' : 'kept',
      problems: this.#problems,
      lost: this.#lost,
      deletedKeysMayReturn:
        this.isRebuilt || this.#lost.some(({ deletedKeysMayReturn }) => deletedKeysMayReturn),
      tables: this.tables,
      logs: this.logs,
      renamedKeyspaces: this.renamedKeyspaces,
      setAside: this.#setAside,
    };
  }
}
