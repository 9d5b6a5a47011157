import type { Steps } from '../base/task.js';
import type { ManifestState } from './manifest-state.js';
import { beginManifest, type DatabasePlace } from './manifest-writer.js';

/**
 * Makes the tables in a directory a database: a manifest that begins with `state`
 * and ends there, closed cleanly and without a log, then CURRENT. The tables and
 * their names are durable before.
 */
export function* writeCheckpointManifest(place: DatabasePlace, state: ManifestState): Steps<void> {
  const number = state.nextFileNumber;
  const writer = yield* beginManifest(place, number, {
    ...state,
    nextFileNumber: number + 1,
    logNumber: 0,
    cleanClose: { logNumber: 0, syncedLength: 0 },
  });
  yield* writer.close();
}
