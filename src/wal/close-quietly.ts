import type { Steps } from '../base/task.js';

/** For a writer that is given up: what led to that is the error to report. */
export function* closeQuietly(writer: { close(): Steps<void> }): Steps<void> {
  try {
    yield* writer.close();
  } catch {
    // The first error counts.
  }
}
