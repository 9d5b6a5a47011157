/**
 * Checks an invariant, in production too. A failure is a bug of ours, never of
 * the caller or the data, and is not caught inside the engine.
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionFailure(message);
}

export class AssertionFailure extends Error {
  constructor(message: string) {
    super(`nori-lsm invariant broken: ${message}`);
    this.name = 'AssertionFailure';
  }
}
