import type { WriteOptions } from '../index.js';

const onDisk: WriteOptions = Object.freeze({ durability: 'disk' });

/** `sync: true` waits for the disk; otherwise the database's own durability holds. */
export function durabilityOf(options: {
  readonly sync?: boolean | undefined;
}): WriteOptions | undefined {
  return options.sync === true ? onDisk : undefined;
}
