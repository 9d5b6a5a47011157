import { LsmError, systemErrorCode, toLsmError } from '../base/errors.js';
import { currentName, currentTemporaryName, joinPath } from '../base/file-names.js';
import { waitable, type Steps } from '../base/task.js';
import type { File, FileSystem } from '../fs/file-system.js';

/*
 * Single operations on a database directory, as steps. Each may be repeated
 * synchronously while the thread pool still does it (base/task.ts).
 */

function requireSync(fs: FileSystem): void {
  if (fs.hasSync) return;
  throw new LsmError('LSM_UNSUPPORTED', `the file system ${fs.name} has no synchronous calls`);
}

/** Only for open and create, which are never synchronous. */
function neverSync(): never {
  throw new LsmError('LSM_UNSUPPORTED', 'a directory is listed and swept asynchronously only');
}

/** The names in a directory; none when it is missing. */
export function* listDirectory(fs: FileSystem, directory: string): Steps<string[]> {
  let names: string[] = [];
  yield waitable(async () => {
    try {
      names = await fs.list(directory);
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT') throw toLsmError(error, 'listing', directory);
    }
  }, neverSync);
  return names;
}

export function* removeFile(fs: FileSystem, path: string): Steps<void> {
  yield waitable(async () => {
    try {
      await fs.remove(path);
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT') throw toLsmError(error, `removing ${path}`, path);
    }
  }, neverSync);
}

/** The first `most` bytes of a file; undefined when it is missing. */
export function* readFile(
  fs: FileSystem,
  path: string,
  most: number,
): Steps<Uint8Array | undefined> {
  let content: Uint8Array | undefined;
  yield waitable(async () => {
    let file: File | undefined;
    try {
      file = await fs.open(path);
      const bytes = new Uint8Array(Math.min(await file.size(), most));
      const length = await file.read(bytes, 0, bytes.length, 0);
      content = bytes.subarray(0, length);
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT') throw toLsmError(error, `reading ${path}`, path);
    } finally {
      await file?.close();
    }
  }, neverSync);
  return content;
}

export function* syncDirectory(fs: FileSystem, directory: string): Steps<void> {
  yield waitable(
    () => fs.syncDirectory(directory),
    () => {
      requireSync(fs);
      fs.syncDirectorySync!(directory);
    },
  );
}

/**
 * Replaces CURRENT: CURRENT.tmp, sync, rename. The caller syncs the directory.
 *
 * A late call of the thread pool must not spoil what was done synchronously
 * since: so the file is cut to its size after it is written, never before, and a
 * rename that finds its source gone is done, if another call did it.
 */
export function* replaceCurrent(
  fs: FileSystem,
  directory: string,
  content: Uint8Array,
): Steps<void> {
  const temporary = joinPath(directory, currentTemporaryName);
  const file = yield* createFile(fs, temporary);
  try {
    yield waitable(
      () => file.write(content, 0, content.length, 0),
      () => file.writeSync!(content, 0, content.length, 0),
    );
    yield waitable(
      () => file.truncate(content.length),
      () => file.truncateSync!(content.length),
    );
    yield waitable(
      () => file.sync(),
      () => syncAlone(fs, temporary),
    );
  } finally {
    yield waitable(
      () => file.close(),
      () => file.closeSync!(),
    );
  }
  yield* renameOnce(fs, temporary, joinPath(directory, currentName));
}

function* createFile(fs: FileSystem, path: string): Steps<File> {
  let file: File | undefined;
  yield waitable(
    async () => {
      const opened = await fs.create(path);
      if (file === undefined) file = opened;
      else await opened.close();
    },
    () => {
      requireSync(fs);
      file ??= fs.createSync!(path);
    },
  );
  return file!;
}

/**
 * Through a descriptor of its own: the kernel tells of a failed write-back once
 * per descriptor, and the pool's sync of the same file may be under way.
 */
function syncAlone(fs: FileSystem, path: string): void {
  const file = fs.openSync!(path, { writable: true });
  try {
    file.syncSync!();
  } finally {
    file.closeSync!();
  }
}

function* renameOnce(fs: FileSystem, from: string, to: string): Steps<void> {
  // Whether the other of the two calls may have done it, or has.
  let isBegun = false;
  let isDone = false;
  yield waitable(
    async () => {
      isBegun = true;
      try {
        await fs.rename(from, to);
      } catch (error) {
        if (!isDone || systemErrorCode(error) !== 'ENOENT') throw error;
      }
      isDone = true;
    },
    () => {
      try {
        fs.renameSync!(from, to);
      } catch (error) {
        if (!isBegun || systemErrorCode(error) !== 'ENOENT') throw error;
      }
      isDone = true;
    },
  );
}
