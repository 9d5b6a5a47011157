import { Prng } from '../../src/base/prng.js';
import type { MemoryFileSystem } from '../../src/fs.js';
import { Engine } from './engine.js';

/**
 * What a disk would hold if the power had failed before each call of `run`: with
 * everything that was not synced lost, with all of it kept, and with half of it.
 */
export async function crashPoints(
  engine: Engine,
  run: () => Promise<void>,
): Promise<MemoryFileSystem[]> {
  const points: MemoryFileSystem[] = [];
  engine.beforeCall = (operation) => {
    if (operation === 'read' || operation === 'stat' || operation === 'close') return;
    const random = new Prng(points.length);
    for (const keep of [0, 0.5, 1]) points.push(engine.memory.clone().crash({ keep, random }));
  };
  await run();
  engine.beforeCall = undefined;
  return points;
}

/** Opens what survived, looks at it, and lets it go. */
export async function inspect(
  survivor: MemoryFileSystem,
  look: (engine: Engine) => void | Promise<void>,
): Promise<void> {
  const engine = await Engine.open({ syncIntervalMs: 0 }, survivor);
  try {
    await look(engine);
  } finally {
    await engine.close();
  }
}
