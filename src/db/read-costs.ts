/** What reads of one keyspace have cost since open, and when that is reason to do something about it. */
export class ReadCosts {
  gets = 0;
  /** Tables that they asked. */
  probes = 0;
  /** So much may be wasted before `onSpent` is called, which gives new patience. */
  patience = 0;
  onSpent: () => void = () => undefined;

  /** Counted by the get that asked `probes` tables: all but one of them did not have the key. */
  asked(probes: number): void {
    this.probes += probes;
    if (probes > 1) this.wasted(probes - 1);
  }

  /**
   * A scan is over that merged tables of L0 with others. Measured with four of them,
   * against none: an entry costs about half as much more as a wasted probe, finding
   * the first one ten of them for each table.
   */
  scanned(level0Tables: number, entries: number): void {
    if (level0Tables > 0) this.wasted(10 * level0Tables + entries / 2);
  }

  /** In probes that another form of the tree had spared. */
  wasted(probes: number): void {
    this.patience -= probes;
    if (this.patience < 0) this.onSpent();
  }
}
