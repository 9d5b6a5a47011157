import type { Prng } from '../../src/base/prng.js';
import { MemoryFileSystem, type File } from '../../src/fs.js';

/**
 * A disk behind a thread pool: each asynchronous call acts some turns of the event
 * loop after it was made, and says so some turns later. Synchronous calls act at once.
 */
export class SlowDisk extends MemoryFileSystem {
  readonly #random: Prng;
  readonly #most: number;
  /** Called before each change. */
  onChange: () => void = () => undefined;
  /** The call that failed: operation and path. */
  failed: string | undefined;
  #failsIn = 0;

  constructor(random: Prng, mostTurns: number) {
    super();
    this.#random = random;
    this.#most = mostTurns;
  }

  /** The n-th asynchronous call from now fails with EIO and does nothing. */
  failOnce(nth: number): void {
    this.#failsIn = nth;
  }

  async #later<T>(call: string, path: string, act: () => Promise<T>): Promise<T> {
    await this.#turns();
    this.onChange();
    if (this.#failsIn > 0 && --this.#failsIn === 0) {
      this.failed = `${call} ${path}`;
      throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
    }
    const result = await act();
    await this.#turns();
    return result;
  }

  async #turns(): Promise<void> {
    for (let i = this.#random.below(this.#most + 1); i > 0; i--) {
      await new Promise((resolve) => void setImmediate(resolve));
    }
  }

  override create(path: string): Promise<File> {
    return this.#later('create', path, async () => this.#slow(await super.create(path)));
  }

  override open(path: string, options?: { readonly writable?: boolean }): Promise<File> {
    return this.#later('open', path, async () => this.#slow(await super.open(path, options)));
  }

  override rename(from: string, to: string): Promise<void> {
    return this.#later('rename', from, () => super.rename(from, to));
  }

  override remove(path: string): Promise<void> {
    return this.#later('remove', path, () => super.remove(path));
  }

  override syncDirectory(path: string): Promise<void> {
    return this.#later('syncDirectory', path, () => super.syncDirectory(path));
  }

  #slow(file: File): File {
    // As on a real disk, a file is closed when the last call on it is through.
    let underWay = 0;
    let isLeft = false;
    const call = async (name: string, act: () => Promise<void>): Promise<void> => {
      underWay++;
      try {
        await this.#later(name, file.path, act);
      } finally {
        underWay--;
        if (isLeft && underWay === 0) await file.close();
      }
    };
    const close = async (): Promise<void> => {
      await this.#turns();
      closeSync();
    };
    const closeSync = (): void => {
      isLeft = true;
      if (underWay === 0) file.closeSync!();
    };
    const slow = {
      write: ((...range) => call('write', () => file.write(...range))) satisfies File['write'],
      truncate: (size: number) => call('truncate', () => file.truncate(size)),
      sync: () => call('sync', () => file.sync()),
      close,
      closeSync,
    };
    return new Proxy(file, {
      get: (target, name) => {
        if (name in slow) return slow[name as keyof typeof slow];
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === 'function' ? (member.bind(target) as unknown) : member;
      },
    });
  }
}
