import type { Ledger, State } from './ledger.js';

/** What was found must be a prefix with everything that was promised; returns a ledger that goes on from it. */
export function checkPrefix(state: State, ledger: Ledger, keep: number): Ledger {
  const floor = ledger.floor(keep);
  const batches = ledger.find(state, floor);
  if (batches < 0) {
    const anywhere = ledger.find(state, 0);
    const found = anywhere < 0 ? 'no prefix of them at all' : `only the first ${anywhere}`;
    throw new Error(`of ${ledger.issued} batches ${floor} are promised, found is ${found}`);
  }
  return ledger.from(batches);
}
