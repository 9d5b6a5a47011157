import { isLsmError, LsmError, systemErrorCode, toLsmError } from '../base/errors.js';
import { decodeFileHeader, type FileHeader } from '../base/file-header.js';
import { waitable, type Steps, type Waitable } from '../base/task.js';
import type { File, FileSystem } from '../fs/file-system.js';
import { FileWindow } from './file-window.js';
import { logBlockBytes, logHeaderBytes } from './log-format.js';

/**
 * Opens a log for reading.
 * @throws LsmError `LSM_NOT_FOUND` when it is gone
 */
export function* openLogFile(fs: FileSystem, path: string): Steps<File> {
  let file: File | undefined;
  const openError = (error: unknown): LsmError =>
    systemErrorCode(error) === 'ENOENT'
      ? new LsmError('LSM_NOT_FOUND', `${path} is gone`, { file: path, cause: error })
      : toLsmError(error, `opening ${path}`, path);
  yield waitable(
    async () => {
      const opened = await fs.open(path).catch((error: unknown) => {
        throw openError(error);
      });
      if (file === undefined) file = opened;
      else await opened.close();
    },
    () => {
      if (fs.openSync === undefined) {
        throw new LsmError(
          'LSM_UNSUPPORTED',
          `the file system ${fs.name} has no synchronous calls`,
        );
      }
      try {
        file ??= fs.openSync(path);
      } catch (error) {
        throw openError(error);
      }
    },
  );
  return file!;
}

export function closing(file: File): Waitable {
  return waitable(
    () => file.close(),
    () => file.closeSync!(),
  );
}

/** Opens the file at `path`, runs `use` on it, and closes it in any case. */
export function* withLogFile<T>(
  fs: FileSystem,
  path: string,
  use: (file: File) => Steps<T>,
): Steps<T> {
  const file = yield* openLogFile(fs, path);
  try {
    return yield* use(file);
  } finally {
    yield closing(file);
  }
}

/**
 * Reads the header of a write-ahead log; undefined when the log never began: its
 * header is not whole, and nothing but zeros follows.
 *
 * @throws LsmError `LSM_CORRUPTION` when the header is damaged and records, or what
 * was records, follow it: none is written before the header is synced.
 * `LSM_UNSUPPORTED_FORMAT` on a file of a newer version.
 */
export function* readLogHeader(file: File): Steps<FileHeader | undefined> {
  const damage = yield* tryHeader(file);
  if (!isLsmError(damage)) return damage;
  if (yield* isZeroFrom(file, logHeaderBytes)) return undefined;
  // Another process may have begun this log between our two looks at it.
  const again = yield* tryHeader(file);
  if (!isLsmError(again)) return again;
  throw again;
}

function* tryHeader(file: File): Steps<FileHeader | LsmError> {
  const window = new FileWindow(file, logBlockBytes);
  while (!window.covers(0)) yield window;
  try {
    return decodeFileHeader(window.bytes.subarray(0, window.end), 'log', file.path);
  } catch (error) {
    if (isLsmError(error, 'LSM_CORRUPTION')) return error;
    throw error;
  }
}

function* isZeroFrom(file: File, start: number): Steps<boolean> {
  const window = new FileWindow(file);
  for (let at = start; ; at = window.end) {
    while (!window.covers(at)) yield window;
    if (at >= window.end) return true;
    const rest = window.bytes.subarray(at - window.start, window.end - window.start);
    if (rest.some((byte) => byte !== 0)) return false;
  }
}
