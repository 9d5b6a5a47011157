import { LsmError } from '../base/errors.js';

/** What an aborted signal ends. */
interface Abortable {
  close(reason: LsmError): void;
}

/**
 * The open scans of a signal. One listener for all of them: Node warns of a leak
 * from the eleventh on, and removing one of n takes n steps. It goes with the last
 * of them, as a signal may outlive any number of scans.
 */
class SignalWatch {
  readonly #signal: AbortSignal;
  readonly #open = new Set<Abortable>();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  add(scan: Abortable): void {
    if (this.#open.size === 0) this.#signal.addEventListener('abort', this.#endAll);
    this.#open.add(scan);
  }

  remove(scan: Abortable): void {
    if (!this.#open.delete(scan) || this.#open.size > 0) return;
    this.#signal.removeEventListener('abort', this.#endAll);
  }

  readonly #endAll = (): void => {
    for (const scan of [...this.#open]) scan.close(abortedError(this.#signal));
  };
}

const watches = new WeakMap<AbortSignal, SignalWatch>();

/** Closes `scan` when the signal is aborted, or at once when it is. Returns what forgets it. */
export function closeOnAbort(signal: AbortSignal, scan: Abortable): () => void {
  if (signal.aborted) {
    scan.close(abortedError(signal));
    return () => undefined;
  }
  let watch = watches.get(signal);
  if (watch === undefined) {
    watch = new SignalWatch(signal);
    watches.set(signal, watch);
  }
  watch.add(scan);
  return () => watch.remove(scan);
}

function abortedError(signal: AbortSignal): LsmError {
  return new LsmError('LSM_ABORTED', 'the iteration was aborted', { cause: signal.reason });
}
