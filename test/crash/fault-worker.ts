import { Prng } from '../../src/base/prng.js';
import type { MemoryFileSystem } from '../../src/fs.js';
import { isLsmError, type Database, type Keyspace } from '../../src/index.js';
import { verifyDatabase } from '../../src/verify/verify-database.js';
import type { Fault, FaultFileSystem } from '../../src/testing.js';
import type { FaultPlan } from './fault-plan.js';
import { checkFailure, isFailStop, within } from './fault-promises.js';
import type { FaultStep, FaultWorkload } from './fault-workload.js';
import { History } from './history.js';
import {
  checkPresence,
  handlesOf,
  newPresence,
  openWorkload,
  operationsOf,
  readKeyspaces,
} from './keyspace-worker.js';
import { keyspaceCount, keyspaceNames, slotOf } from './keyspace-workload.js';
import { sameState, type State } from './ledger.js';
import { checkPrefix } from './prefix.js';
import { directory } from './worker.js';
import { valueOf } from '../support/universe.js';

/** What a run with a fault has met. */
export interface FaultOutcome {
  /** What the handle was doing when the fault was met first. */
  phase: 'opening' | 'open' | 'closing' | undefined;
  failStops: number;
  /** Opens that were turned away. */
  refusedOpens: number;
  refusedWrites: number;
  /** Whether the work went on to its end in the handle that met the fault. */
  isSeenThrough: boolean;
}

/** Steps after the one that met a lasting fault, until the disk works again. */
const lastingSteps = 4;

/**
 * Does the steps of a workload on a disk with a fault. What fails must fail with a
 * typed error that names the cause; the rest must be as if nothing had been.
 */
export class FaultWorker {
  readonly outcome: FaultOutcome = {
    phase: undefined,
    failStops: 0,
    refusedOpens: 0,
    refusedWrites: 0,
    isSeenThrough: false,
  };
  readonly #workload: FaultWorkload;
  readonly #memory: MemoryFileSystem;
  readonly #disk: FaultFileSystem;
  readonly #plan: FaultPlan | undefined;
  readonly #faults: readonly Fault[];
  readonly #pending: Promise<void>[] = [];
  #history: History;
  #presence = newPresence();
  #db!: Database;
  #keyspaces: (Keyspace | undefined)[] = [];
  #iterators: { close(): void }[] = [];
  #phase: 'opening' | 'open' | 'closing' = 'opening';
  #opens = 0;
  /** Whether the handle takes no more writes. */
  #isFailed = false;
  #metAt: number | undefined;
  #wrong: Error | undefined;

  constructor(
    workload: FaultWorkload,
    memory: MemoryFileSystem,
    disk: FaultFileSystem,
    plan?: FaultPlan,
    faults: readonly Fault[] = [],
  ) {
    this.#workload = workload;
    this.#memory = memory;
    this.#disk = disk;
    this.#plan = plan;
    this.#faults = faults;
    this.#history = new History(new Int32Array(keyspaceCount * workload.universe.size));
  }

  /** To be called when the fault is met. */
  noteMet(): void {
    this.outcome.phase ??= this.#phase;
  }

  async run(): Promise<void> {
    await this.#open();
    const { steps } = this.#workload;
    for (const [at, step] of steps.entries()) {
      await this.#do(step);
      if (this.#isMet) {
        this.#metAt ??= at;
        if (at >= this.#metAt + lastingSteps) this.#liftFaults();
      }
      if (await this.#hasFailed()) {
        const isOver = await this.#afterFailure();
        if (isOver) return;
      }
      if (this.#wrong !== undefined) throw this.#wrong;
    }
    // A fault that is not met yet waits for the closing calls.
    if (this.#isMet) this.#liftFaults();
    await this.#settle();
    if (await this.#hasFailed()) {
      if (await this.#afterFailure()) return;
    } else {
      await this.#seeThrough();
      if ((await this.#hasFailed()) && (await this.#afterFailure())) return;
    }
    if (this.#wrong !== undefined) throw this.#wrong;
    await this.#end();
  }

  get #isMet(): boolean {
    return this.#faults.some(({ calls }) => calls.length > 0);
  }

  #liftFaults(): void {
    for (const fault of this.#faults) fault.lift();
  }

  async #open(): Promise<void> {
    this.#phase = 'opening';
    for (let attempt = 1; ; attempt++) {
      try {
        const seed = this.#workload.seed * 100 + this.#opens;
        this.#db = await within(openWorkload(this.#disk, this.#workload, seed), 'open');
        break;
      } catch (error) {
        this.#judge(error);
        this.outcome.refusedOpens++;
        if (this.#memory.openFiles > 0) {
          throw new Error(`a refused open left ${this.#memory.openFiles} files open`);
        }
        if (attempt >= 2) this.#liftFaults();
        if (attempt > 2)
          throw new Error('does not open though the disk works again', { cause: error });
      }
    }
    this.#opens++;
    this.#phase = 'open';
    this.#isFailed = this.#db.stats().failure !== undefined;
    this.#db.on('backgroundError', ({ fatal }) => (this.#isFailed ||= fatal));
    this.#iterators = [];
    await this.#adopt();
  }

  /** What an open database shows is what was promised, and the beginning of what comes. */
  async #adopt(): Promise<void> {
    const before = this.#history.toLedger();
    let state: State;
    try {
      state = await within(readKeyspaces(this.#db, this.#workload, before.states), 'a scan');
    } catch (error) {
      this.#judge(error);
      this.#liftFaults();
      if (await this.#hasFailed()) return;
      state = await within(readKeyspaces(this.#db, this.#workload, before.states), 'a scan');
    }
    checkPrefix(state, before, 1);
    checkPresence(this.#db, this.#presence);
    this.#history = new History(state);
    const names = this.#db.keyspaces();
    this.#presence = keyspaceNames.map((name) => names.includes(name));
    this.#keyspaces = await within(handlesOf(this.#db), 'keyspace');
  }

  async #do(step: FaultStep): Promise<void> {
    const db = this.#db;
    switch (step.type) {
      case 'write':
        await this.#write(step);
        break;
      case 'make':
        await this.#make(step.keyspace);
        break;
      case 'drop':
        await this.#drop(step.keyspace);
        break;
      case 'compact':
        await this.#durably('compactRange', () => this.#keyspaces[step.keyspace]?.compactRange());
        break;
      case 'flush':
        await this.#durably('flush', () => db.flush());
        break;
      case 'begin-flush':
        this.#pending.push(this.#durably('flush', () => db.flush()));
        break;
      case 'sync':
        await this.#durably('sync', () => db.sync());
        break;
      case 'reopen':
        await this.#settle();
        if (await this.#hasFailed()) return;
        await this.#close();
        await this.#open();
        break;
      case 'turn':
        await oneTurn();
        break;
      case 'settle':
        await this.#settle();
        break;
      case 'read':
        await this.#settle();
        await this.#read();
        break;
      case 'hold':
        await this.#attempt(() => {
          if (this.#workload.hasSync) this.#iterators.push(db.keysSync());
          return Promise.resolve();
        });
        break;
      case 'release':
        for (const iterator of this.#iterators.splice(0)) iterator.close();
        break;
    }
  }

  /** What settles is a promise for everything that was written before the call and let in. */
  async #durably(what: string, call: () => Promise<void> | undefined): Promise<void> {
    const history = this.#history;
    const covered = this.#db.stats().stalls.waiting === 0 ? history.issued : 0;
    await this.#attempt(async () => {
      await within(call() ?? Promise.resolve(), what);
      history.promise(covered, 'disk');
    });
  }

  async #attempt(call: () => Promise<void>): Promise<boolean> {
    try {
      await call();
      return true;
    } catch (error) {
      this.#judge(error);
      return false;
    }
  }

  async #make(keyspace: number): Promise<void> {
    if (this.#presence[keyspace] === true) return;
    this.#presence[keyspace] = undefined;
    const settings = this.#workload.keyspaceSettings[keyspace];
    await this.#attempt(async () => {
      const made = this.#db.keyspace(keyspaceNames[keyspace], settings);
      this.#keyspaces[keyspace] = await within(made, 'keyspace');
      this.#presence[keyspace] = true;
    });
  }

  async #drop(keyspace: number): Promise<void> {
    if (this.#presence[keyspace] !== true) return;
    // Writes that wait for room have no effect yet; those to a dropped keyspace would have none at all.
    if (this.#history.hasPending) await this.#settle();
    if (await this.#hasFailed()) return;
    const { universe } = this.#workload;
    const history = this.#history;
    const batch = history.issue(
      Array.from({ length: universe.size }, (_, key) => [slotOf(universe, keyspace, key), 0]),
    );
    this.#presence[keyspace] = undefined;
    this.#keyspaces[keyspace] = undefined;
    const isDone = await this.#attempt(async () => {
      await within(this.#db.dropKeyspace(keyspaceNames[keyspace]), 'dropKeyspace');
      this.#presence[keyspace] = false;
      history.acknowledge(batch, 'disk');
    });
    if (!isDone) history.fail(batch, 'unknown');
  }

  async #write(step: FaultStep & { type: 'write' }): Promise<void> {
    const { durability, isSync, isAwaited } = step;
    const writes = step.writes.filter(
      ([slot]) => this.#keyspaces[Math.floor(slot / this.#workload.universe.size)] !== undefined,
    );
    if (writes.length === 0) return;
    const history = this.#history;
    const operations = operationsOf(this.#workload, this.#keyspaces, writes);
    const batch = history.issue(writes);
    const refused = (error: unknown): void => {
      this.outcome.refusedWrites++;
      history.fail(batch, isLsmError(error, 'LSM_FAILED') ? 'unknown' : 'refused');
      this.#judge(error);
    };
    if (isSync) {
      try {
        this.#db.batchSync(operations, { durability });
        history.acknowledge(batch, durability);
      } catch (error) {
        refused(error);
      }
      return;
    }
    const done = this.#db.batch(operations, { durability }).then(() => {
      history.acknowledge(batch, durability);
    }, refused);
    this.#pending.push(done);
    if (isAwaited) await within(done, 'a write');
    else done.catch((error: unknown) => (this.#wrong ??= error as Error));
  }

  /** Everything that was called has its answer. */
  async #settle(): Promise<void> {
    while (this.#pending.length > 0) {
      await within(Promise.all(this.#pending.splice(0)), 'what was called before');
    }
  }

  /** Nothing is pending: what is read is everything that was not refused. */
  async #read(): Promise<void> {
    if (await this.#hasFailed()) return;
    const ledger = this.#history.toLedger();
    await this.#attempt(async () => {
      const state = await within(readKeyspaces(this.#db, this.#workload, ledger.states), 'a scan');
      if (this.#isFailed) return;
      if (!sameState(state, ledger.current))
        throw new Error('a scan does not see what was written');
    });
  }

  /** A failed write or sync of what must not fail has stopped the handle; waits for that where it is due. */
  async #hasFailed(): Promise<boolean> {
    if (this.#plan === undefined || !this.#isMet || this.outcome.failStops > 0) {
      return this.#isFailed;
    }
    if (this.outcome.phase !== 'open' || !isFailStop(this.#plan)) return this.#isFailed;
    for (let turn = 0; turn < 50 && !this.#isFailed; turn++) await oneTurn();
    if (!this.#isFailed) throw new Error('a failed write or sync is forgotten');
    return true;
  }

  /**
   * The handle takes no more writes, says why, and reads. True when the power
   * fails then, and the work is over.
   */
  async #afterFailure(): Promise<boolean> {
    this.outcome.failStops++;
    await this.#settle();
    if (this.#db.stats().failure === undefined) throw new Error('stats() know of no failure');
    await this.#checkStopped();
    const from = this.#disk.calls;
    const ending = this.#plan!.call.index % 4;
    if (ending !== 0) this.#liftFaults();
    const ledger = this.#history.toLedger();
    const read = async (): Promise<void> => {
      const state = await within(readKeyspaces(this.#db, this.#workload, ledger.states), 'a scan');
      checkPrefix(state, ledger, 1);
    };
    if (ending !== 0) await read();
    else await this.#attempt(read);
    if (ending === 1) {
      await this.#loseLife();
      return true;
    }
    await this.#close();
    this.#checkNothingWritten(from);
    this.#liftFaults();
    if (ending === 2) {
      await this.#loseLife();
      return true;
    }
    await this.#open();
    return false;
  }

  async #checkStopped(): Promise<void> {
    const db = this.#db;
    const value = valueOf(1);
    const calls: (() => unknown)[] = [
      () => db.put('x', value),
      () => db.delete('x'),
      () => db.flush(),
      () => db.sync(),
      () => db.compactRange(),
      () => db.keyspace('one more'),
    ];
    if (this.#workload.hasSync) calls.push(() => db.putSync('x', value));
    for (const call of calls) {
      const error = await within(
        Promise.resolve()
          .then(call)
          .then(
            () => undefined,
            (thrown: unknown) => thrown,
          ),
        'a refusal',
      );
      if (!isLsmError(error, 'LSM_FAILED')) {
        throw new Error(`after a failure a call is answered with ${String(error)}`, {
          cause: error,
        });
      }
      this.#judge(error);
    }
  }

  /** No edit after a failure, and no sync of what could not be synced before. */
  #checkNothingWritten(from: number): void {
    const failed = this.#plan!.call;
    for (const { operation, path } of this.#disk.faults[0].calls.slice(from)) {
      const isEdit = operation === 'write' && /MANIFEST|CURRENT/.test(path);
      const isRetry = operation === 'sync' && failed.operation === 'sync' && path === failed.path;
      if (isEdit || isRetry) throw new Error(`after a failure: ${operation} ${path}`);
    }
  }

  /** The disk works, or never failed so far: nothing may be left of the fault. */
  async #seeThrough(): Promise<void> {
    const isOver = this.#isMet || this.#plan === undefined;
    // What was under way when the disk worked again may still bring its error.
    await this.#attempt(() => within(this.#db.flush(), 'flush'));
    // Such as that of a log whose header could not be written: the caller goes on with that.
    if (this.#isFailed) return;
    const rest = async (): Promise<void> => {
      await within(this.#db.flush(), 'flush');
      const history = this.#history;
      const batch = history.issue([[0, 1]]);
      const key = this.#workload.universe.keys[0];
      const written = this.#db.put(key, valueOf(1), { durability: 'disk' });
      await within(written, 'a write').catch((error: unknown) => {
        history.fail(batch, 'unknown');
        throw error;
      });
      history.acknowledge(batch, 'disk');
    };
    if (isOver) await rest();
    else await this.#attempt(rest);
    await this.#read();
    this.outcome.isSeenThrough = isOver && this.outcome.phase === 'open';
  }

  async #close(): Promise<boolean> {
    this.#phase = 'closing';
    this.#iterators = [];
    const history = this.#history;
    const { issued } = history;
    const isClean = await this.#attempt(() => within(this.#db.close(), 'close'));
    await this.#settle();
    if (isClean && !(this.outcome.failStops > 0)) history.promise(issued, 'disk');
    if (this.#memory.openFiles > 0) {
      throw new Error(`close left ${this.#memory.openFiles} files open`);
    }
    return isClean;
  }

  async #end(): Promise<void> {
    const index = this.#plan?.call.index ?? 0;
    if (this.#isMet && index % 3 !== 0) {
      await this.#loseLife();
      return;
    }
    await this.#close();
    this.#liftFaults();
    if (index % 2 === 0) await this.#check(this.#memory, 1);
    else await this.#loseLife();
  }

  /** The process dies, or the power fails too. */
  async #loseLife(): Promise<void> {
    const index = this.#plan?.call.index ?? 0;
    const keep = [0, 0.5, 1][Math.floor(index / 3) % 3];
    const survivor = this.#memory.crash({ keep, random: new Prng(index) });
    const ledger = this.#history.toLedger();
    await within(
      this.#db.close().catch(() => undefined),
      'close without a disk',
    );
    await Promise.allSettled(this.#pending);
    await this.#check(survivor, keep, ledger);
  }

  /** Opens without faults: everything promised is there, the rest is gone, and nothing is left over. */
  async #check(
    disk: MemoryFileSystem,
    keep: number,
    ledger = this.#history.toLedger(),
  ): Promise<void> {
    const db = await within(openWorkload(disk, this.#workload, 4711), 'open');
    checkPrefix(await readKeyspaces(db, this.#workload, ledger.states), ledger, keep);
    checkPresence(db, this.#presence);
    await db.put('last', valueOf(1));
    await db.close();
    if (disk.openFiles > 0) throw new Error(`${disk.openFiles} files were left open`);
    const report = await verifyDatabase(directory, { fs: disk });
    if (report.damages.length > 0) throw new Error(`damage: ${report.damages[0].what}`);
    const names = await disk.list(directory);
    const count = (pattern: RegExp): number => names.filter((name) => pattern.test(name)).length;
    const left = {
      tables: count(/\.sst$/) - report.tables,
      logs: count(/\.log$/) - report.logs,
      temporary: count(/\.tmp$/),
      manifests: Math.max(0, count(/^MANIFEST/) - 2),
    };
    if (Object.values(left).some((files) => files !== 0)) {
      throw new Error(`superfluous files: ${JSON.stringify(left)} of ${names.join(' ')}`);
    }
  }

  #judge(error: unknown): void {
    checkFailure(error, this.#plan, this.#isMet);
  }
}

function oneTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
