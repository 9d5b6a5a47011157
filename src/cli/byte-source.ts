import { open, type FileHandle } from 'node:fs/promises';
import { exitCodes, Failure } from './failure.js';
import type { ByteSource } from './line-reader.js';

class FileSource implements ByteSource {
  readonly name: string;
  readonly size: number | undefined;
  readonly #handle: FileHandle;

  constructor(name: string, size: number | undefined, handle: FileHandle) {
    this.name = name;
    this.size = size;
    this.#handle = handle;
  }

  async read(target: Buffer, at: number): Promise<number> {
    return (await this.#handle.read(target, at, target.length - at, null)).bytesRead;
  }

  interrupt(): void {
    // A file never waits long.
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** Standard input as a stream: reading its descriptor ourselves fails where it does not block. */
class StandardInput implements ByteSource {
  readonly name = 'standard input';
  readonly size = undefined;
  readonly #chunks = process.stdin[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  #chunk: Buffer = Buffer.alloc(0);
  #isInterrupted = false;

  async read(target: Buffer, at: number): Promise<number> {
    while (this.#chunk.length === 0) {
      try {
        const result = await this.#chunks.next();
        if (result.done === true) return 0;
        this.#chunk = result.value;
      } catch (error) {
        if (this.#isInterrupted) return 0;
        throw error;
      }
    }
    const taken = this.#chunk.copy(target, at);
    this.#chunk = this.#chunk.subarray(taken);
    return taken;
  }

  interrupt(): void {
    this.#isInterrupted = true;
    process.stdin.destroy();
  }

  async close(): Promise<void> {
    // Lets go of a terminal or pipe that has more to say, so that the process can end.
    process.stdin.destroy();
  }
}

/**
 * Opens `path`, or standard input for `-`. `size` is known for regular files
 * only; those can be read twice, pipes cannot.
 */
export async function openSource(path: string): Promise<ByteSource> {
  if (path === '-') return new StandardInput();
  const handle = await open(path, 'r');
  try {
    const status = await handle.stat();
    if (status.isDirectory()) {
      throw new Failure(
        exitCodes.noInput,
        `${path} is a directory; name a file of lines, or - for standard input`,
      );
    }
    return new FileSource(path, status.isFile() ? status.size : undefined, handle);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** All of standard input, up to `maxBytes`; undefined when there is more. */
export async function readStandardInput(maxBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}
