import { compareBytes } from '../base/bytes.js';
import type { TableMeta } from '../base/table-meta.js';
import { runAsync } from '../base/task.js';
import type { Core } from './core.js';
import type { KeyspaceCore } from './keyspace-core.js';
import type { KeyBounds } from './range.js';

/**
 * File bytes of the tables within the bounds. A table that lies wholly inside
 * counts whole; one that a bound cuts is asked for the offset of the bound.
 */
export async function approximateSize(
  core: Core,
  keyspace: KeyspaceCore,
  bounds: KeyBounds,
): Promise<number> {
  const { lower, upper } = bounds;
  if (lower !== undefined && upper !== undefined && compareBytes(lower, upper) >= 0) return 0;
  const { view } = keyspace.tree;
  view.pin();
  try {
    let bytes = 0;
    for (let level = 0; level < view.version.levels.length; level++) {
      for (const table of view.version.overlapping(level, lower, upper)) {
        const to = isCutAbove(table, upper) ? await offsetOf(core, table, upper!) : table.size;
        const from = isCutBelow(table, lower) ? await offsetOf(core, table, lower!) : 0;
        bytes += Math.max(0, to - from);
      }
    }
    return bytes;
  } finally {
    view.unpin();
  }
}

function isCutAbove(table: TableMeta, upper: Uint8Array | undefined): boolean {
  return upper !== undefined && compareBytes(upper, table.largest) <= 0;
}

function isCutBelow(table: TableMeta, lower: Uint8Array | undefined): boolean {
  return lower !== undefined && compareBytes(lower, table.smallest) > 0;
}

async function offsetOf(core: Core, table: TableMeta, key: Uint8Array): Promise<number> {
  const reader = await runAsync(core.tables.open(table));
  return reader.approximateOffsetOf(key);
}
