import { LsmError, systemErrorCode } from '../base/errors.js';
import {
  joinPath,
  logName,
  lostDirectoryName,
  manifestName,
  parseFileName,
  tableName,
} from '../base/file-names.js';
import type { FileSystem } from '../fs/file-system.js';

const comparedBytes = 64 * 1024;

/**
 * Moves files to `lost/` in two steps, so that no crash between them loses one:
 * `link` gives each a second name there while the old state still counts, and
 * `finish`, when the new one does, takes the first name away.
 */
export class SettingAside {
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly #lost: string;
  readonly #takeNumber: () => number;
  /** Names in the directory, with those they get in lost/. */
  readonly #moves: {
    readonly name: string;
    readonly target: string;
    readonly isLinked: boolean;
  }[] = [];

  constructor(fs: FileSystem, directory: string, takeNumber: () => number) {
    this.#fs = fs;
    this.#directory = directory;
    this.#lost = joinPath(directory, lostDirectoryName);
    this.#takeNumber = takeNumber;
  }

  /** @throws LsmError `LSM_IO` when `lost` is something else than a directory of ours */
  async link(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    await this.#makeLost();
    for (const name of names) this.#moves.push(await this.#linkOne(name));
    await this.#fs.syncDirectory(this.#lost);
  }

  async finish(): Promise<void> {
    if (this.#moves.length === 0) return;
    for (const { name, target, isLinked } of this.#moves) {
      const path = joinPath(this.#directory, name);
      if (isLinked) await this.#fs.remove(path);
      else await this.#fs.rename(path, joinPath(this.#lost, target));
    }
    await this.#fs.syncDirectory(this.#lost);
    await this.#fs.syncDirectory(this.#directory);
  }

  /** Removing it is tried first: that does not follow a link, which would lead out of the database. */
  async #makeLost(): Promise<void> {
    try {
      await this.#fs.removeDirectory(this.#lost);
    } catch (error) {
      const code = systemErrorCode(error);
      if (code === 'ENOTEMPTY' || code === 'EEXIST') return;
      if (code !== 'ENOENT') {
        const message = `${this.#lost} is no directory, and files are to be moved there; move it away`;
        throw new LsmError('LSM_IO', message, { file: this.#lost, cause: error });
      }
    }
    await this.#fs.makeDirectory(this.#lost);
  }

  async #linkOne(
    name: string,
  ): Promise<{ readonly name: string; readonly target: string; readonly isLinked: boolean }> {
    const path = joinPath(this.#directory, name);
    let target = name;
    for (;;) {
      const there = joinPath(this.#lost, target);
      try {
        await this.#fs.link(path, there);
        return { name, target, isLinked: true };
      } catch (error) {
        const code = systemErrorCode(error);
        if (code === 'EEXIST') {
          // An earlier repair that was cut off has come this far.
          if (await this.#isSame(path, there)) return { name, target, isLinked: true };
          target = this.#freshName(name);
          continue;
        }
        if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EIO' || code === 'ENOENT')
          throw error;
      }
      // A file system without links.
      if ((await this.#fs.stat(there)) === undefined) return { name, target, isLinked: false };
      target = this.#freshName(name);
    }
  }

  #freshName(name: string): string {
    const number = this.#takeNumber();
    const kind = parseFileName(name)?.kind;
    if (kind === 'log') return logName(number);
    return kind === 'manifest' ? manifestName(number) : tableName(number);
  }

  async #isSame(path: string, other: string): Promise<boolean> {
    const file = await this.#fs.open(path);
    try {
      const second = await this.#fs.open(other);
      try {
        if ((await file.size()) !== (await second.size())) return false;
        const a = Buffer.alloc(comparedBytes);
        const b = Buffer.alloc(comparedBytes);
        for (let at = 0; ; at += comparedBytes) {
          const length = await file.read(a, 0, comparedBytes, at);
          await second.read(b, 0, comparedBytes, at);
          if (a.compare(b, 0, length, 0, length) !== 0) return false;
          if (length < comparedBytes) return true;
        }
      } finally {
        await second.close();
      }
    } finally {
      await file.close();
    }
  }
}
