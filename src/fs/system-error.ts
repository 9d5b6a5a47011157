/** Codes of the errors that file systems without an operating system below them can throw. */
export type SystemErrorCode =
  | 'EACCES'
  | 'EBADF'
  | 'EEXIST'
  | 'EINVAL'
  | 'EIO'
  | 'EISDIR'
  | 'EMFILE'
  | 'ENOENT'
  | 'ENOSPC'
  | 'ENOTDIR'
  | 'ENOTEMPTY'
  | 'EPERM'
  | 'EROFS';

const reasons: Readonly<Record<SystemErrorCode, string>> = {
  EACCES: 'permission denied',
  EBADF: 'bad file descriptor',
  EEXIST: 'file already exists',
  EINVAL: 'invalid argument',
  EIO: 'i/o error',
  EISDIR: 'illegal operation on a directory',
  EMFILE: 'too many open files',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOTDIR: 'not a directory',
  ENOTEMPTY: 'directory not empty',
  EPERM: 'operation not permitted',
  EROFS: 'read-only file system',
};

/** An error that looks like the operating system's, for file systems that have none below them. */
export function systemError(code: SystemErrorCode, call: string, path: string): Error {
  const error = new Error(`${code}: ${reasons[code]}, ${call} '${path}'`);
  return Object.assign(error, { code, syscall: call, path });
}
