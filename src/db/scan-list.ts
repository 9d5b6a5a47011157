import type { Clock } from '../base/clock.js';
import type { LsmError } from '../base/errors.js';
import { ForgottenFinder } from './forgotten.js';
import { Scan, type ScanParts } from './scan.js';

/** An open iterator: `seq` is the newest number it sees. */
export interface ScanDescription {
  readonly seq: number;
  readonly ageMs: number;
}

/** The open iterators of a database: closing it ends them. */
export class ScanList {
  readonly #clock: Clock;
  /** In no order; each knows its place, so that one goes without a search. */
  readonly #open: Scan<unknown>[] = [];
  readonly #finder: ForgottenFinder<Scan<unknown>>;

  /** `onForgotten` hears of an iterator that was lost without being closed; it is closed by then. */
  constructor(clock: Clock, onForgotten: (ageMs: number) => void) {
    this.#clock = clock;
    this.#finder = new ForgottenFinder(clock, (scan) => {
      if (scan.openAt < 0) return;
      scan.close();
      onForgotten(clock.monotonicMs() - scan.sinceMs);
    });
  }

  add<T>(parts: ScanParts<T>): Scan<T> {
    const scan = new Scan<T>(parts, this);
    scan.openAt = this.#open.length;
    this.#open.push(scan);
    return scan;
  }

  /** Called by a scan when it is closed. */
  ended(scan: Scan<unknown>): void {
    const last = this.#open.pop()!;
    if (last !== scan) {
      this.#open[scan.openAt] = last;
      last.openAt = scan.openAt;
    }
    scan.openAt = -1;
    this.#finder.unwatch(scan);
  }

  /** When the user loses `held`, the scan is closed. */
  watch<Held extends object>(held: Held, scan: Scan<unknown>): Held {
    this.#finder.watch(held, scan);
    return held;
  }

  /** Ends those that `isMeant`: their next call throws `reason`. */
  closeAll(reason: LsmError, isMeant: (keyspaceId: number) => boolean = () => true): void {
    for (const scan of [...this.#open]) if (isMeant(scan.keyspaceId)) scan.close(reason);
  }

  /** The oldest first. */
  describe(): ScanDescription[] {
    const now = this.#clock.monotonicMs();
    const ages = this.#open.map(({ seq, sinceMs }) => ({ seq, ageMs: now - sinceMs }));
    return ages.sort((a, b) => b.ageMs - a.ageMs);
  }
}
