import { describe, expect, it } from 'vitest';
import { ArenaPool, minArenaBytes } from './arena-pool.js';

describe('ArenaPool', () => {
  it('hands released arenas out again, as they are', () => {
    const pool = new ArenaPool({ arenaBytes: minArenaBytes });
    const arena = pool.acquire();
    new Uint8Array(arena)[5] = 77;
    expect([pool.usedBytes, pool.pooledBytes]).toEqual([minArenaBytes, 0]);
    pool.release(arena);
    expect([pool.usedBytes, pool.pooledBytes]).toEqual([0, minArenaBytes]);
    expect(pool.acquire()).toBe(arena);
    expect(new Uint8Array(arena)[5]).toBe(77);
  });

  it('keeps no more idle than it may', () => {
    const pool = new ArenaPool({ arenaBytes: minArenaBytes, maxPooledBytes: 2 * minArenaBytes });
    const arenas = [pool.acquire(), pool.acquire(), pool.acquire()];
    for (const arena of arenas) pool.release(arena);
    expect([pool.usedBytes, pool.pooledBytes]).toEqual([0, 2 * minArenaBytes]);
  });

  it('refuses odd sizes, strangers and a second release', () => {
    for (const arenaBytes of [0, 32_768, 65_537, 3 * 65_536, 2 ** 25, NaN]) {
      expect(() => new ArenaPool({ arenaBytes })).toThrow('power of two');
    }
    const pool = new ArenaPool({ arenaBytes: minArenaBytes });
    expect(() => pool.release(new SharedArrayBuffer(8))).toThrow('came from');
    const arena = pool.acquire();
    pool.release(arena);
    expect(() => pool.release(arena)).toThrow('once');
  });
});
