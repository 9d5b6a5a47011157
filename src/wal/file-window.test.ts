import { describe, expect, it } from 'vitest';
import type { File } from '../fs/file-system.js';
import { MemoryFileSystem } from '../fs/memory-file-system.js';
import { FileWindow } from './file-window.js';
import { logBlockBytes } from './log-format.js';

const size = 200 * logBlockBytes + 100;
const content = Uint8Array.from({ length: size }, (_, at) => at / logBlockBytes + 1);

/** The file; its asynchronous reads fill their buffer, and come back, when `release` is called. */
function slowFile(): { file: File; release: () => Promise<void> } {
  const fs = MemoryFileSystem.from([['file', content]]);
  const memory = fs.openSync!('file');
  const waiting: (() => void)[] = [];
  const file: File = Object.assign(Object.create(memory) as File, {
    path: 'file',
    readSync: memory.readSync!.bind(memory),
    read: (...args: Parameters<File['read']>) =>
      new Promise<number>((resolve) => {
        waiting.push(() => resolve(memory.readSync!(...args)));
      }),
  });
  return {
    file,
    release: async () => {
      for (const act of waiting.splice(0)) act();
      for (let i = 0; i < 10; i++) await Promise.resolve();
    },
  };
}

function byteAt(window: FileWindow, offset: number): number {
  expect(window.covers(offset)).toBe(true);
  return window.bytes[offset - window.start];
}

describe('a window over a file', () => {
  it('covers whole blocks, to the end of the file or the limit', () => {
    for (const limit of [size, 40 * logBlockBytes, 33]) {
      const window = new FileWindow(slowFile().file, limit);
      let seen = 0;
      for (let offset = 0; ; offset = window.end) {
        if (!window.covers(offset)) window.waitSync();
        if (offset >= window.end) break;
        expect(window.start % logBlockBytes).toBe(0);
        for (let at = offset; at < window.end; at += 1000) {
          expect(byteAt(window, at)).toBe(content[at]);
        }
        seen = window.end;
      }
      expect(seen).toBe(limit);
      expect(window.isAtEnd).toBe(true);
    }
  });

  it('stays with what a synchronous caller has read, when the pool comes late', async () => {
    const { file, release } = slowFile();
    const window = new FileWindow(file);
    let offset = 0;
    const reads: Promise<void>[] = [];
    for (let round = 0; round < 4; round++) {
      expect(window.covers(offset)).toBe(false);
      reads.push(window.wait());
      window.waitSync();
      if (round >= 2) {
        // Twice the late read comes when the window is elsewhere, twice while it is there.
        offset = window.end;
        if (window.covers(offset)) break;
        window.waitSync();
      }
      const { start, end } = window;
      await release();
      await Promise.all(reads);
      expect([window.start, window.end]).toEqual([start, end]);
      for (let at = start; at < end; at += 1000) expect(byteAt(window, at)).toBe(content[at]);
      offset = window.end;
      if (window.isAtEnd) break;
    }
    expect(offset).toBeGreaterThan(2 * logBlockBytes);
  });

  it('says which file cannot be read', async () => {
    const failing = Object.assign(Object.create(slowFile().file) as File, {
      path: 'db/1.log',
      read: () => Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' })),
      readSync: undefined,
    });
    const window = new FileWindow(failing);
    window.covers(0);
    await expect(window.wait()).rejects.toMatchObject({ code: 'LSM_IO', file: 'db/1.log' });
    expect(() => window.waitSync()).toThrow(expect.objectContaining({ code: 'LSM_UNSUPPORTED' }));
  });
});
