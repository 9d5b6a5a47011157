import { LsmError, systemErrorCode, toLsmError } from '../base/errors.js';
import type { Steps, Waitable } from '../base/task.js';
import type { File, FileSystem } from '../fs/file-system.js';

/*
 * The file operations of a table as steps. Each one may be repeated by a
 * synchronous caller while the thread pool still works on it.
 */

/** Opens or creates a file; of two handles won by both ways at once, the late one is closed again. */
class FileOpening implements Waitable {
  file: File | undefined;
  readonly #fs: FileSystem;
  readonly #path: string;
  readonly #create: boolean;
  /** A synchronous caller has failed: nobody would close what still comes. */
  #isGivenUp = false;

  constructor(fs: FileSystem, path: string, create: boolean) {
    this.#fs = fs;
    this.#path = path;
    this.#create = create;
  }

  async wait(): Promise<void> {
    const file = this.#create ? await this.#fs.create(this.#path) : await this.#fs.open(this.#path);
    if (this.file === undefined && !this.#isGivenUp) this.file = file;
    else await file.close();
  }

  waitSync(): void {
    if (this.file !== undefined) return;
    if (!this.#fs.hasSync) throw noSync(this.#path);
    const fs = this.#fs as Required<FileSystem>;
    try {
      this.file = this.#create ? fs.createSync(this.#path) : fs.openSync(this.#path);
    } catch (error) {
      this.#isGivenUp = true;
      throw error;
    }
  }
}

export function* openFile(fs: FileSystem, path: string): Steps<File> {
  const opening = new FileOpening(fs, path, false);
  yield opening;
  return opening.file!;
}

/** Opens the file for writing; bytes that are in it stay until `cutting`. */
export function* createFile(fs: FileSystem, path: string): Steps<File> {
  const opening = new FileOpening(fs, path, true);
  try {
    yield opening;
    return opening.file!;
  } catch (error) {
    throw toLsmError(error, 'creating a table failed', path);
  }
}

/**
 * Takes away what an earlier file of this name had behind `size`, which is final.
 * Emptying it at the beginning instead could come late, after a synchronous caller
 * had repeated it and written the table: it would be gone.
 */
export function cutting(file: File, size: number): Waitable {
  return {
    wait: () => file.truncate(size),
    waitSync: () => withSync(file).truncateSync(size),
  };
}

export function* sizeOfFile(file: File): Steps<number> {
  let size = 0;
  yield {
    async wait() {
      size = await file.size();
    },
    waitSync() {
      size = withSync(file).sizeSync();
    },
  };
  return size;
}

/** Reads `length` bytes into a buffer of their own; fewer come back only at the end of the file. */
export function* readFromFile(file: File, position: number, length: number): Steps<Uint8Array> {
  let bytes: Uint8Array | undefined;
  yield {
    async wait() {
      const target = new Uint8Array(length);
      const count = await file.read(target, 0, length, position);
      bytes ??= target.subarray(0, count);
    },
    waitSync() {
      const target = new Uint8Array(length);
      const count = withSync(file).readSync(target, 0, length, position);
      bytes = target.subarray(0, count);
    },
  };
  return bytes!;
}

export function syncing(file: File): Waitable {
  return {
    wait: () => file.sync(),
    waitSync: () => withSync(file).syncSync(),
  };
}

export function closing(file: File): Waitable {
  return {
    wait: () => file.close(),
    waitSync: () => withSync(file).closeSync(),
  };
}

/**
 * Removes a file; fine when it is gone. File systems have no synchronous
 * removal: a synchronous caller leaves it to the thread pool, and what fails
 * there is an orphan that the next open sweeps.
 */
export function removing(fs: FileSystem, path: string): Waitable {
  const remove = async (): Promise<void> => {
    try {
      await fs.remove(path);
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT') throw error;
    }
  };
  return {
    wait: remove,
    waitSync: () => {
      remove().catch(() => undefined);
    },
  };
}

/**
 * The file, known to have the synchronous calls: they come as one group.
 * @throws LsmError `LSM_UNSUPPORTED`
 */
export function withSync(file: File): Required<File> {
  if (file.readSync === undefined) throw noSync(file.path);
  return file as Required<File>;
}

function noSync(path: string): LsmError {
  return new LsmError('LSM_UNSUPPORTED', 'this file system has no synchronous calls', {
    file: path,
  });
}
