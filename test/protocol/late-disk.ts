import { MemoryFileSystem, type File } from '../../src/fs.js';

/** Calls that are in the hands of a slow thread pool. */
export interface Held {
  letGo(): void;
}

interface Hold extends Held {
  readonly call: 'write' | 'sync';
  readonly path: RegExp;
  readonly over: Promise<void>;
}

/**
 * A disk with chosen asynchronous calls as slow as a test wants: a write acts when
 * it is let go; a sync acts at once and returns when it is let go, so what is
 * written meanwhile is not synced by it.
 */
export class LateDisk extends MemoryFileSystem {
  readonly #holds = new Set<Hold>();

  /** Holds calls that are made from now on. */
  hold(call: 'write' | 'sync', path: RegExp): Held {
    let open: () => void = () => undefined;
    const over = new Promise<void>((resolve) => (open = resolve));
    const hold: Hold = {
      call,
      path,
      over,
      letGo: () => {
        this.#holds.delete(hold);
        open();
      },
    };
    this.#holds.add(hold);
    return hold;
  }

  override async create(path: string): Promise<File> {
    return this.#late(await super.create(path));
  }

  async #pass(call: 'write' | 'sync', path: string): Promise<void> {
    for (const hold of this.#holds) {
      if (hold.call === call && hold.path.test(path)) await hold.over;
    }
  }

  #late(file: File): File {
    const write: File['write'] = async (...range) => {
      await this.#pass('write', file.path);
      await file.write(...range);
    };
    const sync: File['sync'] = async () => {
      await file.sync();
      await this.#pass('sync', file.path);
    };
    return new Proxy(file, {
      get: (target, name) => {
        if (name === 'write') return write;
        if (name === 'sync') return sync;
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === 'function' ? (member.bind(target) as unknown) : member;
      },
    });
  }
}

/** Lets everything that can go on go on. */
export async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => void setImmediate(resolve));
}
