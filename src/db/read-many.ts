import type { CursorEntry } from '../iterator/cursor.js';
import type { ReadOptions } from './api-types.js';
import type { Core } from './core.js';
import { checkNames } from './option-names.js';
import { readOptionNames, type PointReader } from './reads.js';

/** So many keys are looked up in one turn; the blocks that they lack are read side by side. */
const keysPerStage = 256;

/**
 * Looks many keys up, all at one moment. In stages: each first finds what is in
 * memory and begins to read what is not, then waits for all of that together.
 */
export async function getMany<T>(
  core: Core,
  reader: PointReader,
  keys: readonly unknown[],
  options: ReadOptions | undefined,
  use: (entry: CursorEntry | undefined) => T,
): Promise<T[]> {
  if (options !== undefined) checkNames(options, readOptionNames, 'a read');
  const { length } = keys;
  const values = new Array<T>(length);
  // The first stage runs at once; the others when the caller may have written, closed the
  // snapshot and used its buffers again: they have a pin and copies of their own.
  const pin = length > keysPerStage ? core.snapshots.add(reader.seqOf(options)) : undefined;
  const seq = pin?.seq ?? reader.seqOf(options);
  try {
    const later = keys.slice(keysPerStage).map((key) => reader.ownKey(key));
    for (let from = 0; from < length; from += keysPerStage) {
      const pending: Promise<void>[] = [];
      const to = Math.min(length, from + keysPerStage);
      try {
        reader.check();
        for (let i = from; i < to; i++) {
          const found =
            from === 0
              ? reader.findAt(keys[i], seq, use)
              : reader.findAt(later[i - keysPerStage], seq, use, 'view');
          if (found instanceof Promise) {
            pending.push(
              found.then((value) => {
                values[i] = value;
              }),
            );
          } else values[i] = found;
        }
      } catch (error) {
        // A key that is refused must not leave the others' reads to themselves.
        pending.push(Promise.reject(error));
      }
      await settleAll(pending);
    }
    return values;
  } finally {
    if (pin !== undefined) core.snapshots.remove(pin);
  }
}

/** As Promise.all, but waits for all of them also when one fails: none is left behind. */
async function settleAll(promises: readonly Promise<void>[]): Promise<void> {
  if (promises.length === 0) return;
  const results = await Promise.allSettled(promises);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
