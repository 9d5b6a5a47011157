import type { DirectoryLock, File, FileStat, FileSystem, LockOptions } from '../../src/fs.js';
import { ScheduledFile } from './scheduled-file.js';
import type { Scheduler } from './scheduler.js';

/** Called right before a call has its effect; what it throws is what the call throws, without effect. */
export type BeforeEffect = (operation: string, path: string) => void;

/**
 * A disk whose asynchronous calls have their effect, and are heard of, when a
 * scheduler says so: they overlap and overtake each other. Synchronous calls act
 * at once; meanwhile some of the others may be done.
 */
export class ScheduledDisk implements FileSystem {
  readonly name = 'scheduled';
  readonly hasSync: boolean;
  readonly openSync?: FileSystem['openSync'];
  readonly createSync?: FileSystem['createSync'];
  readonly renameSync?: FileSystem['renameSync'];
  readonly syncDirectorySync?: FileSystem['syncDirectorySync'];
  readonly #inner: FileSystem;
  readonly #calls: ScheduledCalls;

  constructor(inner: FileSystem, scheduler: Scheduler, beforeEffect: BeforeEffect) {
    this.#inner = inner;
    this.#calls = new ScheduledCalls(scheduler, beforeEffect);
    this.hasSync = inner.hasSync;
    if (!inner.hasSync) return;
    const calls = this.#calls;
    this.openSync = (path, options) =>
      this.#wrap(calls.callSync('open', path, '', () => inner.openSync!(path, options)));
    this.createSync = (path) =>
      this.#wrap(calls.callSync('create', path, '', () => inner.createSync!(path)));
    this.renameSync = (from, to) =>
      calls.callSync('rename', from, to, () => inner.renameSync!(from, to));
    this.syncDirectorySync = (path) =>
      calls.callSync('sync-directory', path, '', () => inner.syncDirectorySync!(path));
  }

  /** Calls under way now, and the most there were at once. */
  get mostUnderWay(): number {
    return this.#calls.mostUnderWay;
  }

  async create(path: string): Promise<File> {
    return this.#wrap(await this.#calls.call('create', path, '', () => this.#inner.create(path)));
  }

  async open(path: string, options?: { readonly writable?: boolean }): Promise<File> {
    return this.#wrap(
      await this.#calls.call('open', path, '', () => this.#inner.open(path, options)),
    );
  }

  list(directory: string): Promise<string[]> {
    return this.#calls.call('list', directory, '', () => this.#inner.list(directory));
  }

  stat(path: string): Promise<FileStat | undefined> {
    return this.#calls.call('stat', path, '', () => this.#inner.stat(path));
  }

  makeDirectory(path: string): Promise<void> {
    return this.#calls.call('make-directory', path, '', () => this.#inner.makeDirectory(path));
  }

  remove(path: string): Promise<void> {
    return this.#calls.call('remove', path, '', () => this.#inner.remove(path));
  }

  removeDirectory(path: string): Promise<void> {
    return this.#calls.call('remove-directory', path, '', () => this.#inner.removeDirectory(path));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#calls.call('rename', from, to, () => this.#inner.rename(from, to));
  }

  link(from: string, to: string): Promise<void> {
    return this.#calls.call('link', from, to, () => this.#inner.link(from, to));
  }

  syncDirectory(path: string): Promise<void> {
    return this.#calls.call('sync-directory', path, '', () => this.#inner.syncDirectory(path));
  }

  async lockDirectory(directory: string, options?: LockOptions): Promise<DirectoryLock> {
    const lock = await this.#calls.call('lock', directory, '', () =>
      this.#inner.lockDirectory(directory, options),
    );
    return { release: () => this.#calls.call('unlock', directory, '', () => lock.release()) };
  }

  #wrap(file: File): File {
    return new ScheduledFile(file, this.hasSync, this.#calls);
  }
}

/** How the calls of a disk and its files go through its scheduler. */
export class ScheduledCalls {
  readonly #scheduler: Scheduler;
  readonly #beforeEffect: BeforeEffect;
  #underWay = 0;
  mostUnderWay = 0;

  constructor(scheduler: Scheduler, beforeEffect: BeforeEffect) {
    this.#scheduler = scheduler;
    this.#beforeEffect = beforeEffect;
  }

  get scheduler(): Scheduler {
    return this.#scheduler;
  }

  call<T>(operation: string, path: string, detail: string, effect: () => Promise<T>): Promise<T> {
    const label = `${operation} ${path} ${detail}`;
    this.mostUnderWay = Math.max(this.mostUnderWay, ++this.#underWay);
    return new Promise((resolve, reject) => {
      const act = (): void => {
        this.#acting(operation, path, effect).then(
          (value) => {
            this.#underWay--;
            this.#scheduler.add(`${label} is done`, () => resolve(value));
          },
          (error: Error) => {
            this.#underWay--;
            this.#scheduler.add(`${label} failed: ${error.message}`, () => reject(error));
          },
        );
      };
      // A thread of the pool may be that fast.
      if (this.#scheduler.chance(0.2)) {
        this.#scheduler.note(`${label} at once`);
        act();
      } else this.#scheduler.addToPool(label, act);
    });
  }

  callSync<T>(operation: string, path: string, detail: string, effect: () => T): T {
    this.#scheduler.letPoolRun();
    this.#scheduler.note(`${operation} ${path} ${detail} synchronously`);
    this.#beforeEffect(operation, path);
    return effect();
  }

  async #acting<T>(operation: string, path: string, effect: () => Promise<T>): Promise<T> {
    this.#beforeEffect(operation, path);
    return effect();
  }
}
