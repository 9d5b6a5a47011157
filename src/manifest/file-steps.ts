import { LsmError, systemErrorCode, toLsmError } from '../base/errors.js';
import { currentName, currentTemporaryName, joinPath } from '../base/file-names.js';
import { waitable, type Steps, type Waitable } from '../base/task.js';
import type { File, FileSystem } from '../fs/file-system.js';

/*
 * Single operations on a database directory, as steps. Those that a manifest roll
 * needs may be repeated synchronously while the thread pool still does them
 * (base/task.ts); they come after steps of the log writer, which refuse a file
 * system without synchronous calls.
 */

/** A step of open or create, which are asynchronous only, as listing and removing files is. */
export function asyncStep(doing: string, path: string, wait: () => Promise<void>): Waitable {
  return waitable(
    async () => {
      try {
        await wait();
      } catch (error) {
        throw toLsmError(error, `${doing} ${path}`, path);
      }
    },
    () => {
      throw new LsmError('LSM_UNSUPPORTED', `${doing} ${path} is asynchronous only`, {
        file: path,
      });
    },
  );
}

function isMissing(error: unknown): boolean {
  return systemErrorCode(error) === 'ENOENT';
}

/** The names in a directory; none when it is missing. */
export function* listDirectory(fs: FileSystem, directory: string): Steps<string[]> {
  let names: string[] = [];
  yield asyncStep('listing', directory, async () => {
    try {
      names = await fs.list(directory);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  });
  return names;
}

export function* removeFile(fs: FileSystem, path: string): Steps<void> {
  yield asyncStep('removing', path, async () => {
    try {
      await fs.remove(path);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  });
}

/** Opens a file for reading; undefined when it is missing. */
export function* openFile(fs: FileSystem, path: string): Steps<File | undefined> {
  let file: File | undefined;
  yield asyncStep('opening', path, async () => {
    try {
      file = await fs.open(path);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  });
  return file;
}

/** The first `most` bytes of a file, or all when it is shorter. */
export function* readStart(file: File, most: number): Steps<Uint8Array> {
  const bytes = new Uint8Array(most);
  let length = 0;
  yield asyncStep('reading', file.path, async () => {
    length = await file.read(bytes, 0, most, 0);
  });
  return bytes.subarray(0, length);
}

export function* sizeOf(file: File): Steps<number> {
  let size = 0;
  yield asyncStep('reading', file.path, async () => {
    size = await file.size();
  });
  return size;
}

export function* closeFile(file: File): Steps<void> {
  yield asyncStep('closing', file.path, () => file.close());
}

/** Makes the content of an existing file durable. */
export function* syncFile(fs: FileSystem, path: string): Steps<void> {
  yield asyncStep('syncing', path, async () => {
    const file = await fs.open(path, { writable: true });
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  });
}

export function* syncDirectory(fs: FileSystem, directory: string): Steps<void> {
  yield waitable(
    () => fs.syncDirectory(directory),
    () => fs.syncDirectorySync!(directory),
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
