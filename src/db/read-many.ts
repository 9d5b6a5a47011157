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
  const values = new Array<T>(keys.length);
  const isLong = keys.length > keysPerStage && options?.snapshot === undefined;
  // One stage runs before anything can be written: only more of them could see two states.
  const pin = isLong ? core.snapshots.add(core.readSeq) : undefined;
  const snapshot = pin === undefined ? options?.snapshot : { pin, seq: pin.seq, isClosed: false };
  try {
    for (let from = 0; from < keys.length; from += keysPerStage) {
      const pending: Promise<void>[] = [];
      const to = Math.min(keys.length, from + keysPerStage);
      try {
        for (let i = from; i < to; i++) {
          const found = reader.find(keys[i], { snapshot }, use);
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
