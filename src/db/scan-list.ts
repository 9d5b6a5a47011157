import { closedError } from './core.js';
import { Scan, type ScanParts } from './iterator.js';

/** The open iterators of a database: closing it ends them. */
export class ScanList {
  readonly #open = new Set<Scan<unknown>>();

  get size(): number {
    return this.#open.size;
  }

  add<T>(parts: Omit<ScanParts<T>, 'onClose'>): Scan<T> {
    const scan = new Scan<T>({
      ...parts,
      onClose: (closed) => this.#open.delete(closed as Scan<unknown>),
    });
    this.#open.add(scan as Scan<unknown>);
    return scan;
  }

  /** Ends all of them: their next call throws `LSM_CLOSED`. */
  closeAll(path: string): void {
    for (const scan of [...this.#open]) {
      scan.close(closedError(path));
    }
  }
}
