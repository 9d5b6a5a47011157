import { Prng } from '../../src/base/prng.js';
import { randomKeyspaceSettings, randomSettings } from '../support/random-options.js';
import { Universe } from '../support/universe.js';
import {
  anyKeyspaceWrites,
  keyspaceNames,
  type KeyspaceStage,
  type KeyspaceStep,
} from './keyspace-workload.js';
import { ValueNumbers } from './workload.js';

export type FaultStep =
  | KeyspaceStep
  /** Reads everything, and compares. */
  | { readonly type: 'read' }
  /** An iterator is opened, or closed again: it keeps files from being removed. */
  | { readonly type: 'hold' | 'release' };

export interface FaultWorkload extends KeyspaceStage {
  readonly steps: readonly FaultStep[];
  /** Every asynchronous call takes a turn of the event loop, so that synchronous ones overtake it. */
  readonly isSlow: boolean;
}

const KiB = 1024;

/**
 * Short, so that each of its calls can fail in its turn, and with everything in
 * it that touches the disk: a keyspace besides the default one comes and goes.
 */
export function makeFaultWorkload(seed: number): FaultWorkload {
  const random = new Prng(seed);
  const universe = new Universe(random, 5);
  const values = new ValueNumbers();
  const hasSync = seed % 4 !== 0;
  const alive = new Set([0]);
  const write = (): FaultStep => ({
    type: 'write',
    writes: anyKeyspaceWrites(random, universe, alive, values),
    durability: (['none', 'os', 'os', 'disk'] as const)[random.below(4)],
    isSync: hasSync && random.chance(0.3),
    isAwaited: random.chance(0.5),
  });
  const some = (count: number): FaultStep[] =>
    Array.from({ length: count }, () => between(random) ?? write());
  const make: FaultStep = { type: 'make', keyspace: 1 };
  const drop: FaultStep = { type: 'drop', keyspace: 1 };
  const flush: FaultStep = { type: 'flush' };
  const read: FaultStep = { type: 'read' };
  const compact: FaultStep = { type: 'compact', keyspace: 0 };
  const shapes: readonly (() => FaultStep[])[] = [
    () => [...some(2), flush, ...some(2), { type: 'begin-flush' }, ...some(1), compact, read],
    () => [make, write(), flush, write(), read, drop, write(), flush],
    () => [...some(3), { type: 'reopen' }, ...some(2), flush, read],
    () => [...some(2), flush, { type: 'hold' }, ...some(2), flush, compact, read],
  ];
  const shape = Math.floor(seed / 2) % shapes.length;
  if (shape === 1) alive.add(1);
  const steps = shapes[shape]();
  return {
    seed,
    universe,
    settings: {
      ...randomSettings(random),
      maxWalBytes: (random.chance(0.5) ? 64 : 256) * KiB,
      memtableBudgetBytes: undefined,
      maxCompactions: 1 + random.below(2),
      // Logs take their space ahead only where memtables are large.
      ...(seed % 6 === 5 ? { memtableBytes: 4096 * KiB, maxWalBytes: 16_384 * KiB } : {}),
    },
    keyspaceSettings: keyspaceNames.map(() => randomKeyspaceSettings(random)),
    hasSync,
    steps,
    isSlow: seed % 3 === 0,
  };
}

function between(random: Prng): FaultStep | undefined {
  const choice = random.below(100);
  if (choice < 72) return undefined;
  if (choice < 76) return { type: 'begin-flush' };
  if (choice < 80) return { type: 'sync' };
  if (choice < 90) return { type: 'turn' };
  if (choice < 95) return { type: 'settle' };
  return { type: choice < 97 ? 'hold' : 'release' };
}
