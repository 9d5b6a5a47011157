import type { Fault, FaultyCall } from './fault.js';

/** A call that meets faults, and what they make of it. */
export interface MetFaults {
  /** What an asynchronous call waits for first. */
  readonly wait: Promise<unknown> | undefined;
  readonly plan: Plan;
}

interface Plan {
  /** How much of the call is done; a number of bytes of a read or write. */
  readonly does: 'all' | 'nothing' | number;
  readonly error: Error | undefined;
}

const untouched: Plan = { does: 'all', error: undefined };

/** What these faults make of a call; undefined when there are none. */
export function meet(call: FaultyCall, faults: readonly Fault[]): MetFaults | undefined {
  if (faults.length === 0) return undefined;
  const waits = faults.map((fault) => fault.wait()).filter((wait) => wait !== undefined);
  return {
    wait: waits.length === 0 ? undefined : Promise.all(waits),
    plan: planOf(call, faults),
  };
}

/** Makes a call; `part` is a read or write of so many bytes. */
export function callSync<T>(
  met: MetFaults | undefined,
  whole: () => T,
  part?: (bytes: number) => T,
): T {
  const { does, error } = met?.plan ?? untouched;
  const result = perform(does, whole, part);
  if (error !== undefined) throw error;
  return result as T;
}

/** As `callSync`; where it does not wait, the call is made before this returns. */
export async function callAsync<T>(
  met: MetFaults | undefined,
  whole: () => Promise<T>,
  part?: (bytes: number) => Promise<T>,
): Promise<T> {
  if (met === undefined) return whole();
  const { wait, plan } = met;
  if (wait !== undefined) await wait;
  const result = await perform(plan.does, whole, part);
  if (plan.error !== undefined) throw plan.error;
  return result as T;
}

function perform<T>(
  does: Plan['does'],
  whole: () => T,
  part: ((bytes: number) => T) | undefined,
): T | undefined {
  if (does === 'nothing') return undefined;
  return does === 'all' ? whole() : part!(does);
}

/** The first fault that changes the call decides. */
function planOf(call: FaultyCall, faults: readonly Fault[]): Plan {
  for (const fault of faults) {
    const error = fault.errorOf(call);
    if (fault.rule.bytes !== undefined) return { does: fault.rule.bytes, error };
    if (error !== undefined) return { does: fault.isDone(call) ? 'all' : 'nothing', error };
  }
  return untouched;
}
