/**
 * A job is never expected to end sooner than in this share of the time it has
 * taken: who lets bytes in at room / remaining slows down before the room is
 * used up. Simulated: 0.1 lets most of the room go too early, 0.5 costs
 * throughput where a flush has to wait for the writer.
 */
const leastShare = 0.3;

/** As above while no job of this kind has been measured: as long again as it has taken. */
const unknownShare = 1;

/**
 * Bytes that background work is taken to release per millisecond before any was
 * measured, 50 MB/s: low, as the first job also has to start its thread.
 */
const assumedBytesPerMs = 50_000;

/**
 * Measures at which rate one kind of background work gives room back, and
 * foresees when it will next do so. Time counts from when the work was due, so
 * that it includes what the job had to wait for.
 */
export class Drain {
  #bytes = 0;
  #ms = 0;
  #dueSinceMs: number | undefined;
  #jobBytes: number | undefined;

  /** A job has begun that gives so many bytes of room back when it ends. One runs at a time. */
  began(nowMs: number, bytes: number): void {
    this.#dueSinceMs ??= nowMs;
    this.#jobBytes = bytes;
  }

  /** The job has ended well; `isMoreDue` when the next can begin at once. */
  ended(nowMs: number, isMoreDue: boolean): void {
    if (this.#dueSinceMs !== undefined && this.#jobBytes !== undefined) {
      this.measured(this.#jobBytes, nowMs - this.#dueSinceMs);
    }
    this.#jobBytes = undefined;
    this.#dueSinceMs = isMoreDue ? nowMs : undefined;
  }

  /** The job has failed: its time is not a measure of anything. */
  failed(): void {
    this.#jobBytes = undefined;
    this.#dueSinceMs = undefined;
  }

  /** Older measurements count half as much with each new one; large jobs more than small ones. */
  measured(bytes: number, elapsedMs: number): void {
    this.#bytes = this.#bytes / 2 + bytes;
    this.#ms = this.#ms / 2 + elapsedMs;
  }

  /** May be Infinity, on a clock that stands still. */
  get bytesPerMs(): number {
    return this.#bytes === 0 ? assumedBytesPerMs : this.#bytes / this.#ms;
  }

  /** In how many milliseconds there will be more room; `dueBytes` is what a job would give back that has not begun. */
  remainingMs(nowMs: number, dueBytes: number): number {
    const elapsedMs = this.#dueSinceMs === undefined ? 0 : nowMs - this.#dueSinceMs;
    const expectedMs = (this.#jobBytes ?? dueBytes) / this.bytesPerMs;
    const leastMs = elapsedMs * (this.#bytes === 0 ? unknownShare : leastShare);
    // A job that is late is expected to be as late again.
    return Math.max(Math.abs(expectedMs - elapsedMs), leastMs);
  }
}
