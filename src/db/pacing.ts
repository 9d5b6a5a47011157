import { pendingCompactionBytes } from '../compaction/picker-score.js';
import type { CompactionPlan } from '../compaction/plan.js';
import type { JobCounters } from '../compaction/job-settings.js';
import type { Version } from '../manifest/version.js';
import type { Core } from './core.js';
import type { KeyspaceCore } from './keyspace-core.js';
import { PressureController, type Debt, type Pressure } from './pressure.js';

/**
 * Compactions that are so many memtables of writing behind slow writers down,
 * four times as many stop them: 8 and 32 GiB with memtables of 32 MiB. An L0 that
 * grows is felt long before.
 */
const softPendingMemtables = 256;
const hardPendingMemtables = 4 * softPendingMemtables;

const noPressure: Pressure = { share: 0, reason: undefined };

/** Paces the writers of each keyspace to what the background work of it sustains: `PressureController`. */
export class Pacing {
  readonly #core: Core;
  readonly #controllers = new Map<KeyspaceCore, PressureController>();
  /** Those written to since the last settlement are the first `#touchedCount`: nothing is allocated per settlement. */
  readonly #touched: PressureController[] = [];
  #touchedCount = 0;
  #last: KeyspaceCore | undefined;

  constructor(core: Core) {
    this.#core = core;
  }

  /** A batch has gone into a keyspace's memtable. */
  entered(keyspace: KeyspaceCore, bytes: number): void {
    const controller = this.#controllerOf(keyspace);
    controller.onAdmitted(bytes);
    if (keyspace === this.#last && this.#touchedCount > 0) return;
    this.#last = keyspace;
    for (let i = 0; i < this.#touchedCount; i++) if (this.#touched[i] === controller) return;
    this.#touched[this.#touchedCount++] = controller;
  }

  /** By how much to hold back the acknowledgement of what has entered since the last call, in milliseconds. */
  delayMs(): number {
    let delayMs = 0;
    for (let i = 0; i < this.#touchedCount; i++) {
      delayMs = Math.max(delayMs, this.#touched[i].delayMs());
    }
    this.#touchedCount = 0;
    return delayMs;
  }

  /** How near the writers of the keyspace that is most behind are to being stopped. */
  get pressure(): Pressure {
    let highest = noPressure;
    for (const { pressure } of this.#controllers.values()) {
      if (pressure.share > highest.share) highest = pressure;
    }
    return highest;
  }

  forget(keyspace: KeyspaceCore): void {
    this.#controllers.delete(keyspace);
    this.#last = undefined;
    this.#touched.length = this.#touchedCount;
  }

  flushBegan(keyspace: KeyspaceCore, bytes: number): void {
    this.#controllerOf(keyspace).flushes.began(this.#nowMs, bytes);
  }

  flushEnded(keyspace: KeyspaceCore): void {
    const isMoreDue = keyspace.tree.immutables.length > 0;
    this.#controllerOf(keyspace).flushes.ended(this.#nowMs, isMoreDue);
  }

  flushFailed(keyspace: KeyspaceCore): void {
    this.#controllerOf(keyspace).flushes.failed();
  }

  compactionBegan(keyspace: KeyspaceCore, plan: CompactionPlan): void {
    if (plan.level > 0) return;
    const bytes = plan.inputs.length * keyspace.settings.memtableBytes;
    this.#controllerOf(keyspace).level0.began(this.#nowMs, bytes);
  }

  compactionEnded(keyspace: KeyspaceCore, plan: CompactionPlan, counters: JobCounters): void {
    const controller = this.#controllerOf(keyspace);
    controller.compactions.measured(counters.fileBytesWritten, counters.elapsedMs);
    if (plan.level > 0) return;
    const isMoreDue = keyspace.level0Tables > keyspace.settings.l0CompactionTrigger;
    controller.level0.ended(this.#nowMs, isMoreDue);
  }

  compactionFailed(keyspace: KeyspaceCore, plan: CompactionPlan): void {
    if (plan.level === 0) this.#controllerOf(keyspace).level0.failed();
  }

  get #nowMs(): number {
    return this.#core.components.clock.monotonicMs();
  }

  #controllerOf(keyspace: KeyspaceCore): PressureController {
    let controller = this.#controllers.get(keyspace);
    if (controller === undefined) {
      const debt = new KeyspaceDebt(this.#core, keyspace);
      controller = new PressureController(this.#core.components.clock, debt);
      // One that is dropped is forgotten for good, though a job of it may end later.
      if (!keyspace.isDropped) this.#controllers.set(keyspace, controller);
    }
    return controller;
  }
}

/** The debt of a keyspace as it is now. */
class KeyspaceDebt implements Debt {
  readonly #core: Core;
  readonly #keyspace: KeyspaceCore;
  #pendingOf: Version | undefined;
  #pendingBytes = 0;

  constructor(core: Core, keyspace: KeyspaceCore) {
    this.#core = core;
    this.#keyspace = keyspace;
  }

  get memtableBytes(): number {
    return this.#keyspace.settings.memtableBytes;
  }

  get activeBytes(): number {
    return this.#keyspace.tree.active.usedBytes;
  }

  get immutableMemtables(): number {
    return this.#core.immutableCount;
  }

  get maxImmutableMemtables(): number {
    return this.#core.settings.maxImmutableMemtables;
  }

  get level0Tables(): number {
    return this.#keyspace.level0Tables;
  }

  get l0SlowdownTables(): number {
    return this.#keyspace.settings.l0SlowdownTables;
  }

  get l0StopTables(): number {
    return this.#keyspace.settings.l0StopTables;
  }

  /** Changes with the version only. */
  get pendingCompactionBytes(): number {
    const { version, compaction } = this.#keyspace;
    if (this.#pendingOf !== version) {
      this.#pendingOf = version;
      this.#pendingBytes = pendingCompactionBytes(version, compaction);
    }
    return this.#pendingBytes;
  }

  get softPendingBytes(): number {
    return softPendingMemtables * this.memtableBytes;
  }

  get hardPendingBytes(): number {
    return hardPendingMemtables * this.memtableBytes;
  }
}
