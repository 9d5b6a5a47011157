import { expect } from 'vitest';
import { isLsmError, type LsmError, type LsmErrorCode } from '../../src/base/errors.js';
import { MemoryFileSystem } from '../../src/fs.js';
import { readEverything, statesLike } from './read-everything.js';
import { openSmall, type Expected, type Image, type SmallHandle } from './small-database.js';

const damageCodes: readonly LsmErrorCode[] = ['LSM_CORRUPTION', 'LSM_UNSUPPORTED_FORMAT'];

/** A copy of the image with one file changed. */
export function withFile(image: Image, path: string, bytes: Uint8Array): MemoryFileSystem {
  return MemoryFileSystem.from(new Map(image).set(path, bytes));
}

/** How a damaged database answered. */
export interface Answer {
  /** Numbers of the states that fit all that was read; all of them when it did not open. */
  readonly states: readonly number[];
  /** Typed, each with a file. */
  readonly errors: readonly LsmError[];
  readonly isOpened: boolean;
}

/**
 * Opens, reads every key and scans both ways. An error that is not of damage, or
 * names no file, is thrown, and so is what fits none of the states.
 */
export async function answerOf(
  fs: MemoryFileSystem,
  states: readonly Expected[],
  readOnly: boolean,
): Promise<Answer> {
  const all = states.map((_, number) => number);
  let db: SmallHandle;
  try {
    db = await openSmall(fs, 3, { readOnly, createIfMissing: false });
  } catch (error) {
    expect(fs.openFiles, 'files left open').toBe(0);
    return { states: all, errors: [typed(error)], isOpened: false };
  }
  try {
    const reading = await readEverything(db);
    for (const error of reading.errors) typed(error);
    const like = statesLike(reading, states);
    expect(like.length, 'what was read fits no state').toBeGreaterThan(0);
    return { states: like, errors: reading.errors, isOpened: true };
  } finally {
    await db.close();
    expect(fs.openFiles, 'files left open').toBe(0);
  }
}

function typed(error: unknown): LsmError {
  if (!isLsmError(error) || !damageCodes.includes(error.code)) throw error;
  expect(error.file, error.message).toBeDefined();
  return error;
}
