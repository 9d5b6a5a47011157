/** Where bytes come from: a file or standard input. */
export interface ByteSource {
  /** For messages: the path, or `standard input`. */
  readonly name: string;
  /** Bytes there are in all, where that is known. */
  readonly size: number | undefined;
  /** Fills `target[at..]` with at least one byte; returns how many, or 0 at the end. */
  read(target: Buffer, at: number): Promise<number>;
  /** Ends a read that waits for more to come, as if the input were over. */
  interrupt(): void;
  close(): Promise<void>;
}

const startBytes = 1024 * 1024;
const newline = 0x0a;

/**
 * Cuts a stream of bytes into lines without ever making strings of them: memory
 * stays flat, and a line is found at memory speed. A line ends with a newline,
 * the last one perhaps with the end of the input.
 *
 * Call `next()` while it returns true; then `await fill()`, which returns false
 * when the input is over. A line is `bytes[start..end)`, valid until `fill()`.
 */
export class LineReader {
  bytes: Buffer = Buffer.allocUnsafeSlow(startBytes);
  start = 0;
  end = 0;
  /** Lines handed out so far: the number of the current one, counted from 1. */
  line = 0;
  /** Bytes of the input that lie behind the reader, the current line included. */
  consumed = 0;

  readonly #source: ByteSource;
  readonly #maxLineBytes: number;
  /** Unread bytes are `bytes[#position..#filled)`. */
  #position = 0;
  #filled = 0;
  /** No newline in `bytes[#position..#searched)`: a long line that comes in pieces is searched once. */
  #searched = 0;
  #isAtEnd = false;

  /** `maxLineBytes` bounds the memory that a line without an end can take. */
  constructor(source: ByteSource, maxLineBytes: number) {
    this.#source = source;
    this.#maxLineBytes = maxLineBytes;
  }

  next(): boolean {
    let end = this.bytes.indexOf(newline, this.#searched);
    // Behind `#filled` lie bytes of earlier reads.
    if (end < 0 || end >= this.#filled) {
      this.#searched = this.#filled;
      if (!this.#isAtEnd || this.#position === this.#filled) return false;
      end = this.#filled;
    }
    this.start = this.#position;
    this.end = end;
    this.line++;
    this.#position = Math.min(end + 1, this.#filled);
    this.#searched = this.#position;
    this.consumed += this.#position - this.start;
    return true;
  }

  /** True when the line being read is longer than any valid one; reading on is then no use. */
  get isTooLong(): boolean {
    return this.#filled - this.#position > this.#maxLineBytes;
  }

  async fill(): Promise<boolean> {
    if (this.#isAtEnd || this.isTooLong) return false;
    const unread = this.#filled - this.#position;
    if (unread === this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(this.bytes.length * 2);
      this.bytes.copy(larger, 0, this.#position, this.#filled);
      this.bytes = larger;
    } else if (this.#position > 0) {
      this.bytes.copyWithin(0, this.#position, this.#filled);
    }
    this.#position = 0;
    this.#searched = unread;
    this.#filled = unread;
    const read = await this.#source.read(this.bytes, unread);
    this.#filled += read;
    if (read === 0) this.#isAtEnd = true;
    return read > 0 || unread > 0;
  }
}
