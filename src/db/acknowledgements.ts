/**
 * The promises of writes that wait for one kind of durability. All writes of a
 * tick share one promise, so that a thousand puts in flight cost one settlement.
 */
export class Acknowledgements {
  /** Oldest first; the last one takes further writes. */
  readonly #groups: Group[] = [];

  get isEmpty(): boolean {
    return this.#groups.length === 0;
  }

  /** The promise that settles when everything up to `seq` has arrived. Sequence numbers rise from call to call. */
  wait(seq: number): Promise<void> {
    let group = this.#groups.at(-1);
    if (group === undefined || group.isSealed) this.#groups.push((group = new Group()));
    group.seq = seq;
    return group.promise;
  }

  /** Writes from now on get a promise of their own: what was waited for is on its way. */
  seal(): void {
    const group = this.#groups.at(-1);
    if (group !== undefined) group.isSealed = true;
  }

  /** Everything up to `seq` has arrived; returns the oldest promise that this fulfils, until there is none. */
  take(seq: number): Group | undefined {
    const groups = this.#groups;
    return groups.length > 0 && groups[0].seq <= seq ? groups.shift() : undefined;
  }

  rejectAll(error: Error): void {
    for (const group of this.#groups.splice(0)) group.reject(error);
  }
}

export class Group {
  readonly promise: Promise<void>;
  seq = 0;
  isSealed = false;
  resolve!: () => void;
  reject!: (error: Error) => void;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}
