import type { Prng } from '../../src/base/prng.js';

/** When a process is to be killed. */
export type KillPlan =
  /** By the parent, so long after its start, or after it has opened the database. */
  | { readonly by: 'time'; readonly since: 'start' | 'opened'; readonly afterMs: number }
  /** At the n-th call of the file system that fits, in whatever thread makes it. */
  | {
      readonly by: 'call';
      readonly phase?: 'load' | 'keyspace' | 'close';
      readonly operation?: string;
      /** A regular expression. */
      readonly path?: string;
      /** What a worker thread is doing. */
      readonly job?: 'flush' | 'compaction';
      readonly call: number;
      readonly how: 'before' | 'half' | 'after';
    };

type CallPlan = Omit<KillPlan & { by: 'call' }, 'by' | 'call' | 'how'>;

interface Kind {
  readonly make: (random: Prng) => KillPlan;
  /** Batches after which the process closes the database; none: it goes on until it is killed. */
  readonly batches?: number;
}

/** Far more than a process can write before its plan is fulfilled. */
export const endless = 10_000;

function atTime(since: 'start' | 'opened', from: number, range: number): Kind {
  return { make: (random) => ({ by: 'time', since, afterMs: from + random.below(range) }) };
}

function atCall(plan: CallPlan, range: number, batches?: number): Kind {
  return {
    batches,
    make: (random) => ({
      by: 'call',
      ...plan,
      call: 1 + random.below(range),
      how: (['before', 'half', 'after'] as const)[random.below(3)],
    }),
  };
}

/** Each is used in turn; those that come several times are what this is about. */
export const kinds: readonly Kind[] = [
  atTime('opened', 0, 250),
  // A recovery that is killed, and the recovery of that, and of that: it takes 30 to 60 calls.
  atCall({}, 30),
  atCall({}, 30),
  atCall({}, 60),
  // A table while it is written, before its edit, or when it is removed.
  atCall({ job: 'compaction' }, 60),
  atTime('opened', 100, 200),
  atCall({ path: '\\.sst$', operation: 'unlink' }, 10),
  atCall({ path: 'MANIFEST|CURRENT', phase: 'load' }, 20),
  atCall({ phase: 'keyspace' }, 20),
  atCall({ phase: 'close' }, 15, 400),
  atCall({ path: '\\.log$', operation: 'open' }, 6),
  atCall({ path: '\\.log$', operation: 'fdatasync' }, 40),
  atCall({ path: '\\.log$', operation: 'unlink' }, 6),
  atCall({ path: '\\.log$', operation: 'write' }, 600),
  atTime('start', 30, 150),
  atCall({ operation: 'fsync' }, 12),
  atCall({ job: 'compaction', operation: 'f' }, 6),
  atCall({ job: 'compaction' }, 60),
  atCall({ job: 'flush' }, 60),
  atCall({ job: 'flush', operation: 'write' }, 30),
  atCall({ phase: 'close' }, 15, 40),
];
