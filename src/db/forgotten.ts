import type { Clock } from '../base/clock.js';

/** What pins something and can be lost. The finder keeps its own mark in it. */
export abstract class Forgettable {
  /** Where it stands among the recent ones; negative: not there. @internal */
  recentAt = -1;
}

interface Recent<Inner> {
  readonly held: object;
  readonly inner: Inner;
}

/**
 * Finds things that pin data and that their user lost without closing them: the
 * garbage collector tells when what the user held is gone. `Inner` is what pins;
 * it must not reference what the user holds.
 *
 * What is closed before the event loop comes round is never shown to the garbage
 * collector: the cells of a FinalizationRegistry are old from birth, and a range
 * read of ten entries takes twice as long with one (25 k/s, 55 k/s without).
 */
export class ForgottenFinder<Inner extends Forgettable> {
  readonly #registry: FinalizationRegistry<Inner>;
  readonly #clock: Clock;
  /** Those of this turn that are still open. */
  readonly #recent: Recent<Inner>[] = [];
  #isTurnAwaited = false;

  /** `onForgotten` is called some time after the user lost it; it may be closed by then. */
  constructor(clock: Clock, onForgotten: (inner: Inner) => void) {
    this.#clock = clock;
    this.#registry = new FinalizationRegistry(onForgotten);
  }

  watch(held: object, inner: Inner): void {
    inner.recentAt = this.#recent.length;
    this.#recent.push({ held, inner });
    if (this.#isTurnAwaited) return;
    this.#isTurnAwaited = true;
    this.#clock.nextTurn(this.#registerRecent);
  }

  /** It was closed in good order. */
  unwatch(inner: Inner): void {
    const at = inner.recentAt;
    if (at < 0) {
      this.#registry.unregister(inner);
      return;
    }
    inner.recentAt = -1;
    const last = this.#recent.pop()!;
    if (last.inner === inner) return;
    this.#recent[at] = last;
    last.inner.recentAt = at;
  }

  readonly #registerRecent = (): void => {
    this.#isTurnAwaited = false;
    for (const { held, inner } of this.#recent) {
      inner.recentAt = -1;
      this.#registry.register(held, inner, inner);
    }
    this.#recent.length = 0;
  };
}
