/** Reads that wait for the disk, and copies being made: a database that closes waits for them. */
export class PendingReads {
  #count = 0;
  readonly #onIdle: (() => void)[] = [];

  /** Returns the function that ends the read. */
  begin(): () => void {
    this.#count++;
    return () => {
      if (--this.#count > 0) return;
      for (const resolve of this.#onIdle.splice(0)) resolve();
    };
  }

  /** Settles when no read is waiting. */
  async drain(): Promise<void> {
    if (this.#count === 0) return;
    await new Promise<void>((resolve) => {
      this.#onIdle.push(resolve);
    });
  }
}
