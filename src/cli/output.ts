const flushBytes = 64 * 1024;

/**
 * Standard output, collected into large writes. When the reader goes away (`nori
 * scan … | head`), `isClosed` turns true and the rest is dropped: the command
 * ends as if it had printed everything.
 */
export class Output {
  readonly #stream: NodeJS.WriteStream;
  readonly #buffer = Buffer.allocUnsafeSlow(flushBytes);
  #used = 0;
  #isClosed = false;
  #failure: Error | undefined;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    stream.on('error', (error: NodeJS.ErrnoException) => {
      this.#isClosed = true;
      if (error.code !== 'EPIPE') this.#failure = error;
    });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Adds bytes or text, copying them. True when `drain` should be awaited before more is added. */
  write(data: Uint8Array | string): boolean {
    if (this.#isClosed) return false;
    const length = typeof data === 'string' ? Buffer.byteLength(data) : data.length;
    if (this.#used + length > flushBytes) this.#flush();
    if (length > flushBytes) {
      this.#stream.write(typeof data === 'string' ? data : Buffer.from(data));
      return true;
    }
    if (typeof data === 'string') this.#buffer.write(data, this.#used);
    else this.#buffer.set(data, this.#used);
    this.#used += length;
    return this.#stream.writableNeedDrain;
  }

  /** Hands everything to the stream and waits until it has taken it. */
  async drain(): Promise<void> {
    this.#flush();
    if (!this.#isClosed) {
      await new Promise<void>((resolve) => {
        this.#stream.write('', () => resolve());
      });
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  #flush(): void {
    if (this.#used === 0) return;
    this.#stream.write(Buffer.from(this.#buffer.subarray(0, this.#used)));
    this.#used = 0;
  }
}
