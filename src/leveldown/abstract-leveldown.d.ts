/** What we use of a package without types; what users see stands in types.ts. */
declare module 'abstract-leveldown' {
  /** Called with an error first; never before the call that it was given to has returned. */
  type Callback = (error?: unknown, ...results: unknown[]) => void;

  export class AbstractLevelDOWN {
    constructor(manifest: object);
    readonly status: string;
  }

  export class AbstractIterator {
    constructor(db: object);
    /** Calls back without arguments at the end. */
    protected _next(callback: Callback): void;
    protected _seek(target: string | Uint8Array): void;
    protected _end(callback: Callback): void;
  }

  export class AbstractChainedBatch {
    constructor(db: object);
    protected _put(key: string | Uint8Array, value: string | Uint8Array): void;
    protected _del(key: string | Uint8Array): void;
    protected _clear(): void;
    protected _write(options: object, callback: Callback): void;
  }
}
