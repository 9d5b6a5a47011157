/**
 * Open databases that may have writes in memory when the process exits in the
 * middle of a tick. One listener for all of them, so that a thousand databases
 * do not add a thousand listeners.
 */
const writers = new Set<() => void>();

function writeAll(): void {
  for (const write of writers) {
    try {
      write();
    } catch {
      // Nobody is left to hear of it, and one full disk must not cost another database its writes.
    }
  }
}

/** Calls `write` when the process exits; returns the function that takes it back. */
export function onProcessExit(write: () => void): () => void {
  if (writers.size === 0) process.on('exit', writeAll);
  writers.add(write);
  return () => {
    writers.delete(write);
    if (writers.size === 0) process.off('exit', writeAll);
  };
}
