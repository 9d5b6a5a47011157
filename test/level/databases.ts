import { MemoryFileSystem } from '../../src/fs.js';
import { NoriLevel, type DatabaseOptions } from '../../src/level.js';

/** On a disk in memory, unless options say otherwise. */
export function make(options: DatabaseOptions<string, string> = {}): NoriLevel {
  return new NoriLevel('/db', { nori: { fs: new MemoryFileSystem() }, ...options });
}

export async function fill(db: NoriLevel, count: number, value = 'v'): Promise<void> {
  const key = (i: number): string => String(i).padStart(6, '0');
  await db.batch(Array.from({ length: count }, (_, i) => ({ type: 'put', key: key(i), value })));
}

export async function failureOf(
  call: Promise<unknown>,
): Promise<Error & { code: string; cause: never }> {
  return call.then(
    () => {
      throw new Error('it succeeded');
    },
    (error: unknown) => error as never,
  );
}
