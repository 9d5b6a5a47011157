import type { Keyspace, ReadOptions } from '../index.js';
import { boundsOf, type Range } from './range.js';

/** So many keys are deleted at a time: others get their turn between two batches. */
const keysPerBatch = 1000;

/** Deletes the keys that are in the range now, or were at the snapshot; `limit` -1 means all. */
export async function clearRange(
  store: Keyspace,
  options: Range & { readonly reverse: boolean; readonly limit: number },
  at: ReadOptions | undefined,
): Promise<void> {
  const { reverse, limit } = options;
  const keys = store.keys({ ...boundsOf(options), ...at, reverse, limit });
  try {
    for (;;) {
      const some = await keys.nextMany(keysPerBatch);
      if (some.length === 0) return;
      const batch = store.batch();
      for (const key of some) batch.delete(key);
      await batch.commit();
    }
  } finally {
    await keys.close();
  }
}
