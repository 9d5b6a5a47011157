import type { Callback } from 'abstract-leveldown';

/**
 * Calls back with what `run` gives or throws. In a tick of its own: what a callback
 * throws is an uncaught exception, as ever, and never a rejection of ours.
 */
export function callBack<T>(
  callback: Callback,
  run: () => Promise<T>,
  report: (result: T) => unknown[] = () => [],
): void {
  settle(run).then(
    (result) => process.nextTick(callback, null, ...report(result)),
    (error: unknown) => process.nextTick(callback, error),
  );
}

/** What throws at once rejects. */
async function settle<T>(run: () => Promise<T>): Promise<T> {
  return run();
}
