import { isLsmError } from '../../src/base/errors.js';
import { Prng } from '../../src/base/prng.js';
import type { MemoryFileSystem } from '../../src/fs.js';
import { open, type Database, type Durability, type Keyspace } from '../../src/index.js';
import type { ValueNumbers } from '../crash/workload.js';
import { Mismatch } from '../model/mismatch.js';
import { randomSettings } from '../support/random-options.js';
import type { Universe } from '../support/universe.js';
import { Faults } from './faults.js';
import {
  type History,
  type Barrier,
  type Batch,
  type Place,
  type Promised,
  type State,
} from './history.js';
import { ScheduledClock } from './scheduled-clock.js';
import { ScheduledDisk } from './scheduled-disk.js';
import type { Scheduler } from './scheduler.js';
import type { Moment } from './survivor.js';

/** A keyspace and its model. */
export interface OpenPlace {
  readonly place: Place;
  readonly keyspace: Keyspace;
}

export interface SessionOptions {
  readonly seed: number;
  readonly scheduler: Scheduler;
  readonly memory: MemoryFileSystem;
  readonly universe: Universe;
  readonly values: ValueNumbers;
}

const mostMoments = 3;

/** So that a few writes are enough for flushes and compactions. */
const smallSettings = { memtableBytes: 64 * 1024, tableBytes: 16 * 1024, l0CompactionTrigger: 1 };

/** A database from its opening to its end, and what is known of it. */
export class Session {
  readonly scheduler: Scheduler;
  readonly universe: Universe;
  readonly values: ValueNumbers;
  readonly memory: MemoryFileSystem;
  readonly disk: ScheduledDisk;
  readonly faults: Faults | undefined;
  readonly moments: Moment[] = [];
  readonly random: Prng;
  readonly #momentRandom: Prng;
  readonly #seed: number;
  /** Acknowledgements that were heard of since the last look. */
  readonly #acknowledged: (() => void)[] = [];
  history!: History;
  /** While it opens: what must be there of the session before. */
  #left: Promised | undefined;
  db!: Database;
  places: OpenPlace[] = [];
  /** Set right before the end: what is called fails from then on. */
  isOver = false;
  isCrashed = false;
  errors: unknown[] = [];
  mostJobs = 0;
  flushes = 0;
  compactions = 0;

  constructor(options: SessionOptions) {
    const { seed, scheduler, memory, universe, values } = options;
    this.#seed = seed;
    this.scheduler = scheduler;
    this.memory = memory;
    this.universe = universe;
    this.values = values;
    this.random = new Prng(seed);
    this.#momentRandom = new Prng(seed ^ 0xc4a5);
    this.faults = this.random.chance(0.4) ? new Faults(this.random) : undefined;
    this.disk = new ScheduledDisk(memory, scheduler, (operation, path) => {
      this.#takeMoment(operation, path);
      if (this.#left === undefined && !this.isOver) this.faults?.check(operation, path);
    });
  }

  get hasFaults(): boolean {
    return (this.faults?.count ?? 0) > 0;
  }

  /** `earlier` is what the session before has left, of which `promised` must be there. */
  async open(earlier: History, promised: Promised): Promise<void> {
    const { scheduler } = this;
    this.history = earlier;
    this.#left = promised;
    this.db = await open('/db', {
      ...randomSettings(this.random),
      ...smallSettings,
      maxQueuedBytes: [64, 128, 1024 * 128][this.random.below(3)] * 1024,
      keyEncoding: 'view',
      valueEncoding: 'view',
      fs: this.disk,
      executor: 'inline',
      clock: new ScheduledClock(scheduler),
      random: new Prng(this.#seed),
    });
    this.db.on('backgroundError', ({ error }) => {
      scheduler.note(`background error ${error.message}`);
      this.errors.push(error);
    });
    this.db.on('flush', (event) => {
      this.flushes++;
      scheduler.note(`flush ${JSON.stringify(event)}`);
    });
    this.db.on('compaction', (event) => {
      this.compactions++;
      scheduler.note(`compaction ${JSON.stringify(event)}`);
    });
    this.db.on('stall', (event) => scheduler.note(`stall ${JSON.stringify(event)}`));
  }

  /** What was found is right: from here on the session has a history of its own. */
  begin(history: History): void {
    this.history = history;
    this.#left = undefined;
  }

  /** Looks at what has taken effect by now. Only where nobody is in the middle of something. */
  observe(): void {
    const { seq, failure, background } = this.db.stats();
    this.mostJobs = Math.max(this.mostJobs, background.running.length);
    if (failure === undefined) this.history.observe(seq);
    else this.#needFault('the database failed', new Error(failure));
    this.noteAcknowledged();
    if (this.errors.length > 0) this.#needFault('a background error', this.errors[0]);
  }

  /** What a place holds at this moment. */
  stateOf({ place }: OpenPlace): State {
    const { seq, failure } = this.db.stats();
    const state =
      failure === undefined ? this.history.stateOf(place) : this.history.stateAt(place, seq);
    return state;
  }

  acknowledged(batch: Batch, durability: Durability): void {
    this.#acknowledged.push(() => this.history.acknowledge(batch, durability));
  }

  passed(barrier: Barrier): void {
    this.#acknowledged.push(() => this.history.acknowledgeBarrier(barrier));
  }

  /** A call may fail where something has happened that explains it. */
  expectError(error: unknown, place?: Place): void {
    const { code } = isLsmError(error) ? error : { code: undefined };
    this.scheduler.note(`error ${code ?? String(error)}`);
    if (code === undefined) throw error;
    if (this.isOver && (code === 'LSM_CLOSED' || this.isCrashed)) return;
    if (code === 'LSM_CLOSED' && place !== undefined && place.status.startsWith('drop')) return;
    if (code === 'LSM_BUSY') return;
    const isOfFault = ['LSM_FAILED', 'LSM_IO', 'LSM_NO_SPACE', 'LSM_TOO_MANY_FILES'].includes(code);
    if (isOfFault && (this.hasFaults || this.isCrashed)) return;
    throw error;
  }

  /** Only where nobody is in the middle of something. */
  noteAcknowledged(): void {
    for (const acknowledge of this.#acknowledged.splice(0)) acknowledge();
  }

  #needFault(what: string, cause: unknown): void {
    if (!this.hasFaults && !this.isCrashed) throw new Mismatch(what, cause);
  }

  #takeMoment(operation: string, path: string): void {
    const random = this.#momentRandom;
    if (this.isCrashed || this.moments.length >= mostMoments || !random.chance(0.012)) return;
    const keep = [0, 0, 0.25, 0.5, 1][random.below(5)];
    this.moments.push({
      disk: this.memory.clone(),
      history: this.history,
      promised: this.#left ?? this.history.promised,
      keep,
      seed: random.u32(),
      before: `${operation} ${path}`,
    });
  }
}
