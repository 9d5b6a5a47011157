import type { DirectoryLock, LockOptions } from './file-system.js';

export async function lockDirectory(
  _directory: string,
  _options: LockOptions = {},
): Promise<DirectoryLock> {
  return { release: async () => undefined };
}
