import { MemoryFileSystem, type File } from '../../src/fs.js';

type GatedCall = 'create' | 'open' | 'sync' | 'link';

/** Calls that wait until they are let go. */
export class Gate {
  readonly call: GatedCall;
  readonly path: RegExp;
  /** Resolves when the first call has come to the gate. */
  readonly reached: Promise<void>;
  readonly opened: Promise<void>;
  #reach: () => void = () => undefined;
  #open: () => void = () => undefined;
  #isOpen = false;

  constructor(call: GatedCall, path: RegExp) {
    this.call = call;
    this.path = path;
    this.reached = new Promise((resolve) => (this.#reach = resolve));
    this.opened = new Promise((resolve) => (this.#open = resolve));
  }

  holds(call: GatedCall, path: string): boolean {
    return !this.#isOpen && this.call === call && this.path.test(path);
  }

  async pass(): Promise<void> {
    this.#reach();
    await this.opened;
  }

  letGo(): void {
    this.#isOpen = true;
    this.#open();
  }
}

/** A disk on which a test can stop chosen asynchronous calls for a while; synchronous ones go through. */
export class GatedDisk extends MemoryFileSystem {
  readonly #gates: Gate[] = [];

  hold(call: GatedCall, path: RegExp): Gate {
    const gate = new Gate(call, path);
    this.#gates.push(gate);
    return gate;
  }

  override async create(path: string): Promise<File> {
    await this.#pass('create', path);
    return this.#gated(await super.create(path), path);
  }

  override async open(path: string, options?: { readonly writable?: boolean }): Promise<File> {
    await this.#pass('open', path);
    return this.#gated(await super.open(path, options), path);
  }

  override async link(from: string, to: string): Promise<void> {
    await this.#pass('link', to);
    await super.link(from, to);
  }

  async #pass(call: GatedCall, path: string): Promise<void> {
    for (const gate of this.#gates) if (gate.holds(call, path)) await gate.pass();
  }

  #gated(file: File, path: string): File {
    const gated = new Proxy(file, {
      get: (target, name) => {
        if (name === 'sync') {
          return async () => {
            await this.#pass('sync', path);
            await target.sync();
          };
        }
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === 'function' ? (member.bind(target) as unknown) : member;
      },
    });
    return gated;
  }
}

/** Lets the event loop turn until `isTrue`, for work that nobody awaits. */
export async function eventually(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 2000; turn++) {
    if (await isTrue()) return;
    await new Promise((resolve) => void setImmediate(resolve));
  }
  throw new Error('it has not come about');
}
