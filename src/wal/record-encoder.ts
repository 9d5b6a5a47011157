import { assert } from '../base/assert.js';
import { copyRange, emptyBytes, writeU16, writeU32 } from '../base/bytes.js';
import type { FileId } from '../base/checksum.js';
import {
  fragmentChecksum,
  fragmentHeaderBytes,
  kindFirst,
  kindFull,
  kindLast,
  kindMiddle,
  logBlockBytes,
  maxRecordBytes,
  recordSpan,
  recordStartRoom,
  roomInBlock,
} from './log-format.js';
import type { PendingBytes } from './pending-bytes.js';

/** Cuts records into fragments, straight into the memory that will be written. */
export class RecordEncoder {
  readonly #pending: PendingBytes;
  readonly #fileId: FileId;
  #bytes: Uint8Array = emptyBytes;
  /** Where the open fragment has its header, and where its next byte goes. */
  #fragmentAt = 0;
  #at = 0;
  #kind = kindFull;
  /** Bytes that the open fragment still wants, and the record behind it. */
  #fragmentLeft = 0;
  #recordLeft = 0;

  constructor(pending: PendingBytes, fileId: FileId) {
    this.#pending = pending;
    this.#fileId = fileId;
  }

  begin(length: number): void {
    assert(this.#fragmentLeft === 0, 'the record before is incomplete');
    assert(length > 0 && length <= maxRecordBytes, `impossible record length ${length}`);
    const offset = this.#pending.end;
    // All memory that the record needs is taken here: nothing can fail halfway.
    const chunk = this.#pending.reserve(recordSpan(offset, length));
    this.#bytes = chunk.bytes;
    let at = offset - chunk.start;
    let room = roomInBlock(offset);
    if (room < recordStartRoom) {
      chunk.bytes.fill(0, at, at + room);
      at += room;
      room = logBlockBytes;
    }
    this.#recordLeft = length;
    this.#open(at, room, kindFull, kindFirst);
  }

  add(bytes: Uint8Array, start: number, end: number): void {
    while (start < end) {
      const left = this.#fragmentLeft;
      assert(left > 0, 'more bytes than the record was to have');
      const taken = end - start < left ? end - start : left;
      copyRange(bytes, start, start + taken, this.#bytes, this.#at);
      start += taken;
      this.#at += taken;
      this.#fragmentLeft = left - taken;
      if (taken === left) this.#seal();
    }
  }

  #open(at: number, room: number, kindWhole: number, kindCut: number): void {
    const most = room - fragmentHeaderBytes;
    const length = this.#recordLeft < most ? this.#recordLeft : most;
    this.#recordLeft -= length;
    this.#fragmentLeft = length;
    this.#kind = this.#recordLeft === 0 ? kindWhole : kindCut;
    this.#fragmentAt = at;
    this.#at = at + fragmentHeaderBytes;
  }

  #seal(): void {
    const bytes = this.#bytes;
    const at = this.#fragmentAt;
    const length = this.#at - at - fragmentHeaderBytes;
    writeU16(bytes, at + 4, length);
    bytes[at + 6] = this.#kind;
    const offset = this.#pending.offsetOf(at);
    writeU32(bytes, at, fragmentChecksum(bytes, at, length, this.#fileId, offset));
    if (this.#recordLeft > 0) this.#open(this.#at, logBlockBytes, kindLast, kindMiddle);
    else this.#pending.commit(this.#at);
  }
}
