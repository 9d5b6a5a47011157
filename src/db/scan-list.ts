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
  readonly #open = new Set<Scan<unknown>>();
  readonly #finder: ForgottenFinder<Scan<unknown>>;

  /** `onForgotten` hears of an iterator that was lost without being closed; it is closed by then. */
  constructor(clock: Clock, onForgotten: (ageMs: number) => void) {
    this.#clock = clock;
    this.#finder = new ForgottenFinder(clock, (scan) => {
      if (!this.#open.has(scan)) return;
      scan.close();
      onForgotten(clock.monotonicMs() - scan.sinceMs);
    });
  }

  add<T>(parts: Omit<ScanParts<T>, 'onClose'>): Scan<T> {
    const scan: Scan<T> = new Scan<T>({
      ...parts,
      onClose: () => {
        this.#open.delete(scan);
        this.#finder.unwatch(scan);
      },
    });
    this.#open.add(scan);
    return scan;
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

  describe(): ScanDescription[] {
    const now = this.#clock.monotonicMs();
    return [...this.#open].map(({ seq, sinceMs }) => ({ seq, ageMs: now - sinceMs }));
  }
}
