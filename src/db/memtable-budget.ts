import type { Core } from './core.js';
import type { KeyspaceCore } from './keyspace-core.js';

/** What has to be flushed although its memtable is not full. */
export interface BudgetVerdict {
  /** Holds most of the memory while all together hold too much. */
  readonly largest: KeyspaceCore | undefined;
  /** Needs the oldest log while the logs are too long. */
  readonly oldest: KeyspaceCore | undefined;
}

/**
 * Bounds what all keyspaces hold together: the bytes of their memtables
 * (`memtableBudgetBytes`), and the logs, which a keyspace that is hardly written
 * to would keep for ever (`maxWalBytes`).
 */
export class MemtableBudget {
  readonly #core: Core;
  /** Whether a keyspace's L0 can take another table. */
  readonly #canFlush: (keyspace: KeyspaceCore) => boolean;
  readonly #budgetBytes: number;
  readonly #maxWalBytes: number;
  /** Looking at every keyspace costs more than a write: it is done now and then. */
  readonly #bytesPerCheck: number;
  #untilCheck: number;

  constructor(core: Core, canFlush: (keyspace: KeyspaceCore) => boolean) {
    this.#core = core;
    this.#canFlush = canFlush;
    const { memtableBytes, maxImmutableMemtables, memtableBudgetBytes, maxWalBytes } =
      core.settings;
    this.#budgetBytes = memtableBudgetBytes ?? (1 + maxImmutableMemtables) * memtableBytes;
    this.#maxWalBytes = maxWalBytes ?? 4 * memtableBytes;
    this.#bytesPerCheck = Math.min(this.#budgetBytes, this.#maxWalBytes) / 64;
    this.#untilCheck = this.#bytesPerCheck;
  }

  /** Whether it is time to look, so many bytes later. */
  isDue(bytes: number): boolean {
    this.#untilCheck -= bytes;
    if (this.#untilCheck > 0) return false;
    this.#untilCheck = this.#bytesPerCheck;
    return true;
  }

  check(): BudgetVerdict {
    const isTooLong = this.#core.logs.bytes > this.#maxWalBytes;
    return {
      largest: this.#findLargest(),
      oldest: isTooLong ? this.#findOldest() : undefined,
    };
  }

  /** No room: all memtables together are at the limit, or the logs are at twice theirs. What is dropped goes by itself. */
  get isExceeded(): boolean {
    const isLogFull =
      this.#core.logs.bytes > 2 * this.#maxWalBytes && this.#core.oldestUnflushedSeq() < Infinity;
    return isLogFull || this.#isMemoryFull;
  }

  get #isMemoryFull(): boolean {
    let bytes = 0;
    for (const { tree, isDropped } of this.#core.keyspaces()) {
      if (!isDropped) bytes += tree.memtableBytes;
    }
    return bytes >= this.#budgetBytes + this.#slackBytes;
  }

  /** Alone, a keyspace is bounded by its own limits; a large batch may go beyond them. */
  get #slackBytes(): number {
    return this.#core.keyspaceCount === 1 ? Infinity : 0;
  }

  /** The one that holds most and could be flushed, were its L0 not full. */
  get blockedByLevel0(): KeyspaceCore | undefined {
    return this.#largestOf((keyspace) => !this.#canFlush(keyspace));
  }

  /** Where the largest has to wait for its L0, another one that holds no less than half of its share. */
  #findLargest(): KeyspaceCore | undefined {
    const { keyspaceCount } = this.#core;
    if (keyspaceCount === 1) return undefined;
    let activeBytes = 0;
    for (const { tree, isDropped } of this.#core.keyspaces()) {
      if (!isDropped) activeBytes += tree.active.usedBytes;
    }
    if (activeBytes <= this.#budgetBytes / 2) return undefined;
    const largest = this.#largestOf(this.#canFlush);
    const isWorthIt =
      largest !== undefined && 2 * keyspaceCount * largest.tree.active.usedBytes >= activeBytes;
    return isWorthIt ? largest : undefined;
  }

  #largestOf(isMeant: (keyspace: KeyspaceCore) => boolean): KeyspaceCore | undefined {
    let largest: KeyspaceCore | undefined;
    let most = 0;
    for (const keyspace of this.#core.keyspaces()) {
      const { entries, usedBytes } = keyspace.tree.active;
      if (keyspace.isDropped || entries === 0 || usedBytes <= most) continue;
      if (!isMeant(keyspace)) continue;
      largest = keyspace;
      most = usedBytes;
    }
    return largest;
  }

  /** Undefined also when what the oldest log is needed for is being flushed already, or has to wait for its L0. */
  #findOldest(): KeyspaceCore | undefined {
    const seq = this.#core.oldestUnflushedSeq();
    for (const keyspace of this.#core.keyspaces()) {
      const { active } = keyspace.tree;
      if (keyspace.isDropped || active.entries === 0 || active.smallestSeq !== seq) continue;
      return this.#canFlush(keyspace) ? keyspace : undefined;
    }
    return undefined;
  }
}
