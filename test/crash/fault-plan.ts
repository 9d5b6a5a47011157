import { canMeet } from '../../src/fs/fault.js';
import type { FaultRule, FaultyCall, FileOperation } from '../../src/testing.js';

export type FaultKind = 'EIO' | 'ENOSPC' | 'EMFILE' | 'short write';
export type FileKind = 'log' | 'manifest' | 'current' | 'table' | 'directory';

/** One call that fails, or from which on calls do. */
export interface FaultPlan {
  readonly call: FaultyCall;
  readonly kind: FaultKind;
  readonly times: 'once' | 'forever';
}

const patterns: Readonly<Record<Exclude<FileKind, 'directory'>, RegExp>> = {
  log: /\.log$/,
  manifest: /MANIFEST-\d+$/,
  current: /CURRENT(\.tmp)?$/,
  table: /\.sst$/,
};

export function fileKindOf(path: string): FileKind {
  for (const kind of ['log', 'manifest', 'current', 'table'] as const) {
    if (patterns[kind].test(path)) return kind;
  }
  return 'directory';
}

/** What is counted: this operation on a file of this kind has met this fault. */
export function cellOf({ call, kind, times }: FaultPlan): string {
  return `${siteOf(call)}: ${kind} ${times}`;
}

export function siteOf({ operation, path }: FaultyCall): string {
  return `${operation} ${fileKindOf(path)}`;
}

/** The faults that such a call can meet. */
export function possibleFaults(operation: FileOperation): Omit<FaultPlan, 'call'>[] {
  const kinds = (['EIO', 'ENOSPC', 'EMFILE'] as const).filter((error) =>
    canMeet({ error }, operation),
  ) as FaultKind[];
  if (operation === 'write') kinds.push('short write');
  return kinds.flatMap((kind) => [
    { kind, times: 'once' as const },
    { kind, times: 'forever' as const },
  ]);
}

/**
 * A fault for every call of a run, such that over several runs every operation on
 * every kind of file meets each that it can; a sync fails once besides.
 */
export function planFaults(calls: readonly FaultyCall[], seed: number): FaultPlan[] {
  const seen = new Map<string, number>();
  return calls.flatMap((call) => {
    const site = siteOf(call);
    const nth = seen.get(site) ?? 0;
    seen.set(site, nth + 1);
    const possible = possibleFaults(call.operation);
    const plan: FaultPlan = { call, ...possible[(seed + nth) % possible.length] };
    const isSync = call.operation === 'sync' || call.operation === 'sync-directory';
    if (!isSync || (plan.kind === 'EIO' && plan.times === 'once')) return [plan];
    return [plan, { call, kind: 'EIO', times: 'once' }];
  });
}

/** The rules that make it happen in a run that makes the same calls up to there. */
export function rulesOf(plan: FaultPlan, calls: readonly FaultyCall[]): FaultRule[] {
  const { call, kind, times } = plan;
  const before = calls.slice(0, call.index);
  const { operation } = call;
  const nth = 1 + before.filter((each) => each.operation === operation).length;
  const full: FaultRule = { error: 'ENOSPC', times: 'forever' };
  const needing = before.filter((each) => canMeet(full, each.operation)).length;
  switch (kind) {
    case 'EIO': {
      if (times === 'once') return [{ operation, nth, error: 'EIO' }];
      // The files of this kind are on a part of the disk that is gone.
      const fileKind = fileKindOf(call.path);
      const path = fileKind === 'directory' ? /(^|\/)(db|lost)$/ : patterns[fileKind];
      const same = before.filter((each) => siteOf(each) === siteOf(call)).length;
      return [{ operation, path, nth: 1 + same, error: 'EIO', times }];
    }
    case 'ENOSPC':
      if (times === 'once') return [{ operation, nth, error: 'ENOSPC' }];
      return [{ ...full, nth: 1 + needing }];
    case 'EMFILE': {
      if (times === 'once') return [{ operation, nth, error: 'EMFILE' }];
      const opening = before.filter((each) => canMeet({ error: 'EMFILE' }, each.operation)).length;
      return [{ nth: 1 + opening, error: 'EMFILE', times }];
    }
    case 'short write': {
      const bytes = [0, 1, 7, 100, 1_000_000][call.index % 5];
      const short: FaultRule = { operation, nth, bytes };
      return times === 'once' ? [short] : [short, { ...full, nth: 2 + needing }];
    }
  }
}
