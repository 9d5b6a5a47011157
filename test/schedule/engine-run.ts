import { Prng } from '../../src/base/prng.js';
import { MemoryFileSystem } from '../../src/fs.js';
import { ValueNumbers } from '../crash/workload.js';
import { Mismatch } from '../model/mismatch.js';
import { Universe } from '../support/universe.js';
import { changeKeyspaces, maintain, read, runClient, Scanner, write } from './clients.js';
import { History, type Promised } from './history.js';
import { Scheduler } from './scheduler.js';
import { Session } from './session.js';
import { checkMoment, matchPrefix, readFound } from './survivor.js';

/** What a run has met. */
export interface RunCounts {
  steps: number;
  overtakes: number;
  sessions: number;
  crashes: number;
  moments: number;
  faults: number;
  mostCallsUnderWay: number;
  mostJobs: number;
  flushes: number;
  compactions: number;
}

/** How a session ended. */
interface Ending {
  readonly memory: MemoryFileSystem;
  /** What of it must be there. */
  readonly promised: Promised;
}

/** Several sessions of one database after each other, with many clients each, as a function of the seed. */
export class EngineRun {
  readonly scheduler: Scheduler;
  readonly counts: RunCounts = {
    steps: 0,
    overtakes: 0,
    sessions: 0,
    crashes: 0,
    moments: 0,
    faults: 0,
    mostCallsUnderWay: 0,
    mostJobs: 0,
    flushes: 0,
    compactions: 0,
  };
  readonly #random: Prng;
  readonly #universe: Universe;
  readonly #values = new ValueNumbers();
  readonly #sessions: Session[] = [];

  constructor(seed: number) {
    this.#random = new Prng(seed);
    this.scheduler = new Scheduler(this.#random.u32());
    this.#universe = new Universe(this.#random, 6 + this.#random.below(14));
  }

  async run(): Promise<void> {
    try {
      await this.scheduler.run(this.#work());
    } finally {
      this.counts.steps = this.scheduler.steps;
      this.counts.overtakes = this.scheduler.overtakes;
    }
  }

  /** What a crash would have left at some moments of the run. */
  async checkMoments(): Promise<void> {
    for (const moment of this.#sessions.flatMap(({ moments }) => moments)) {
      this.counts.moments++;
      await checkMoment(moment, this.#universe);
    }
  }

  async #work(): Promise<void> {
    const memory = new MemoryFileSystem({ sync: this.#random.chance(0.7) });
    let history = new History(this.#universe.size, 0);
    history.addPlace('default', 'making');
    let ending: Ending = { memory, promised: history.promised };
    const sessions = 1 + this.#random.below(2);
    for (let i = 0; i <= sessions; i++) {
      const session = this.#newSession(ending.memory);
      await session.open(history, ending.promised);
      await this.#begin(session, ending.promised);
      if (i < sessions) ending = await this.#use(session);
      else {
        session.isOver = true;
        await session.db.close();
      }
      this.#count(session);
      history = session.history;
    }
  }

  #newSession(memory: MemoryFileSystem): Session {
    const session = new Session({
      seed: this.#random.u32(),
      scheduler: this.scheduler,
      memory,
      universe: this.#universe,
      values: this.#values,
    });
    this.#sessions.push(session);
    return session;
  }

  /** What is found must be what the session before has left; a history of its own begins there. */
  async #begin(session: Session, { os, places }: Promised): Promise<void> {
    const { db, history: earlier } = session;
    const found = await readFound(db, this.#universe);
    const { seq } = db.stats();
    this.scheduler.note(`opened at ${seq}`);
    const prefixes = matchPrefix(found, earlier, os, places);
    // Those of records that a crash has cut off may be left out, never used again.
    if (earlier.seqAfter(prefixes[0]) > seq) {
      throw new Mismatch(`sequence number ${seq} after opening is too low`);
    }
    const history = new History(this.#universe.size, seq);
    for (const [name, state] of found) {
      const place = history.addPlace(name, 'live', state);
      session.places.push({ place, keyspace: await db.keyspace(name) });
    }
    session.begin(history);
  }

  async #use(session: Session): Promise<Ending> {
    const random = session.random;
    const scanner = new Scanner();
    const clients = [
      runClient(session, 'writer 1', random.u32(), write),
      runClient(session, 'writer 2', random.u32(), write),
      runClient(session, 'writer 3', random.u32(), write),
      runClient(session, 'reader 1', random.u32(), read),
      runClient(session, 'reader 2', random.u32(), (...args) => scanner.act(...args)),
      runClient(session, 'maintainer', random.u32(), maintain),
      runClient(session, 'keyspaces', random.u32(), changeKeyspaces),
    ];
    const over = Promise.all(clients);
    over.catch(() => undefined);
    const turns = 10 + random.below(40);
    for (let i = 0; i < turns; i++) await this.scheduler.turn('main');
    session.observe();
    return random.chance(0.35) ? this.#crash(session, over) : this.#close(session, over);
  }

  async #crash(session: Session, over: Promise<unknown>): Promise<Ending> {
    const { random, history, memory, db } = session;
    const keep = [0, 0.5, 1][random.below(3)];
    this.counts.crashes++;
    this.scheduler.note(`crash, ${keep} is kept`);
    const promised = history.promised;
    session.isOver = true;
    session.isCrashed = true;
    const survivor = memory.crash({ keep, random });
    await db.close().catch(() => undefined);
    await over;
    const left = keep >= 1 ? promised : { ...promised, os: promised.disk };
    return { memory: survivor, promised: left };
  }

  async #close(session: Session, over: Promise<unknown>): Promise<Ending> {
    const { db, history, memory } = session;
    this.scheduler.note('close');
    session.isOver = true;
    try {
      await db.close();
    } catch (error) {
      if (!session.hasFaults) throw error;
    }
    await over;
    if (memory.openFiles > 0) throw new Mismatch(`${memory.openFiles} files were left open`);
    session.noteAcknowledged();
    if (session.hasFaults) return { memory, promised: history.promised };
    const all = history.issued;
    return { memory, promised: { ...history.promised, os: all, disk: all } };
  }

  #count(session: Session): void {
    const { counts } = this;
    counts.sessions++;
    counts.faults += session.faults?.count ?? 0;
    counts.mostCallsUnderWay = Math.max(counts.mostCallsUnderWay, session.disk.mostUnderWay);
    counts.mostJobs = Math.max(counts.mostJobs, session.mostJobs);
    counts.flushes += session.flushes;
    counts.compactions += session.compactions;
  }
}
