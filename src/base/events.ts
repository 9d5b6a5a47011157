/**
 * A typed emitter: `Events` maps each event's name to its payload. What a listener
 * throws does not reach who emits: it is a mistake of the program, and no reason
 * for a flush to fail.
 */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(payload: never) => void>>();
  readonly #onListenerError: (error: unknown) => void;

  constructor(onListenerError: (error: unknown) => void = throwLater) {
    this.#onListenerError = onListenerError;
  }

  /** Adds a listener and returns the function that removes it. */
  on<Name extends keyof Events>(name: Name, listener: (payload: Events[Name]) => void): () => void {
    let listeners = this.#listeners.get(name);
    if (listeners === undefined) this.#listeners.set(name, (listeners = new Set()));
    listeners.add(listener);
    return () => this.off(name, listener);
  }

  off<Name extends keyof Events>(name: Name, listener: (payload: Events[Name]) => void): void {
    this.#listeners.get(name)?.delete(listener);
  }

  /** The payload is made only when somebody listens. */
  emit<Name extends keyof Events>(name: Name, makePayload: () => Events[Name]): void {
    const listeners = this.#listeners.get(name);
    if (listeners === undefined || listeners.size === 0) return;
    const payload = makePayload();
    for (const listener of [...listeners] as ((payload: Events[Name]) => void)[]) {
      try {
        listener(payload);
      } catch (error) {
        this.#onListenerError(error);
      }
    }
  }
}

/** As an uncaught exception, like that of a subscriber of `node:diagnostics_channel`. */
function throwLater(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}
