import type { File } from './file-system.js';

type Record = (
  operation: 'read' | 'write' | 'truncate' | 'sync' | 'size' | 'close',
  detail?: string,
) => void;

/** An open file of a `RecordingFileSystem`; `record` may throw, and then the call is not made. */
export class RecordingFile implements File {
  readonly path: string;
  readonly readSync?: File['readSync'];
  readonly writeSync?: File['writeSync'];
  readonly truncateSync?: File['truncateSync'];
  readonly syncSync?: File['syncSync'];
  readonly sizeSync?: File['sizeSync'];
  readonly closeSync?: File['closeSync'];
  readonly #inner: File;
  readonly #record: Record;

  constructor(inner: File, hasSync: boolean, record: Record) {
    this.path = inner.path;
    this.#inner = inner;
    this.#record = record;
    if (!hasSync) return;
    this.readSync = (target, at, length, position) => {
      record('read', range(position, length));
      return inner.readSync!(target, at, length, position);
    };
    this.writeSync = (source, at, length, position) => {
      record('write', range(position, length));
      inner.writeSync!(source, at, length, position);
    };
    this.truncateSync = (size) => {
      record('truncate', String(size));
      inner.truncateSync!(size);
    };
    this.syncSync = () => {
      record('sync');
      inner.syncSync!();
    };
    this.sizeSync = () => {
      record('size');
      return inner.sizeSync!();
    };
    this.closeSync = () => {
      record('close');
      inner.closeSync!();
    };
  }

  async read(target: Uint8Array, at: number, length: number, position: number): Promise<number> {
    this.#record('read', range(position, length));
    return this.#inner.read(target, at, length, position);
  }

  async write(source: Uint8Array, at: number, length: number, position: number): Promise<void> {
    this.#record('write', range(position, length));
    return this.#inner.write(source, at, length, position);
  }

  async truncate(size: number): Promise<void> {
    this.#record('truncate', String(size));
    return this.#inner.truncate(size);
  }

  async sync(): Promise<void> {
    this.#record('sync');
    return this.#inner.sync();
  }

  async size(): Promise<number> {
    this.#record('size');
    return this.#inner.size();
  }

  async close(): Promise<void> {
    this.#record('close');
    return this.#inner.close();
  }
}

function range(position: number, length: number): string {
  return `${position}..${position + length}`;
}
