/**
 * Finds things that pin data and that their user lost without closing them: the
 * garbage collector tells when what the user held is gone. `Inner` is what pins;
 * it must not reference what the user holds.
 */
export class ForgottenFinder<Inner extends object> {
  readonly #registry: FinalizationRegistry<Inner>;

  /** `onForgotten` is called some time after the user lost it; it may be closed by then. */
  constructor(onForgotten: (inner: Inner) => void) {
    this.#registry = new FinalizationRegistry(onForgotten);
  }

  watch(held: object, inner: Inner): void {
    this.#registry.register(held, inner, inner);
  }

  /** It was closed in good order. */
  unwatch(inner: Inner): void {
    this.#registry.unregister(inner);
  }
}
