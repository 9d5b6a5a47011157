import * as zlib from 'node:zlib';
import { readU16, readU32, readU64 } from '../base/bytes.js';
import type { Codec } from './codecs.js';

/** Level 1: compaction writes every byte several times, and higher levels save little on 16 KiB. */
const level = 1;

interface NativeZstd {
  readonly constants: { readonly ZSTD_c_compressionLevel: number };
  zstdCompressSync(bytes: Uint8Array, options: object): Uint8Array;
  zstdDecompressSync(bytes: Uint8Array, options: object): Uint8Array;
}

/** Node's own Zstandard from 22.15 on, else the WebAssembly build, which writes the same format. */
export async function loadZstd(id: number): Promise<Codec> {
  const native = 'zstdCompressSync' in zlib ? (zlib as unknown as NativeZstd) : undefined;
  return native === undefined ? makeCodec(id, await loadWasm()) : makeCodec(id, wrapNative(native));
}

interface Zstd {
  compress(raw: Uint8Array): Uint8Array;
  decompress(packed: Uint8Array, rawLength: number): Uint8Array;
}

function wrapNative(native: NativeZstd): Zstd {
  const params = { [native.constants.ZSTD_c_compressionLevel]: level };
  return {
    compress: (raw) => native.zstdCompressSync(raw, { params, pledgedSrcSize: raw.length }),
    decompress: (packed, rawLength) =>
      native.zstdDecompressSync(packed, { maxOutputLength: rawLength }),
  };
}

async function loadWasm(): Promise<Zstd> {
  const wasm = await import('@bokuweb/zstd-wasm');
  await wasm.init();
  return {
    compress: (raw) => wasm.compress(raw, level),
    decompress: (packed, rawLength) => wasm.decompress(packed, { defaultHeapSize: rawLength }),
  };
}

function makeCodec(id: number, zstd: Zstd): Codec {
  return {
    id,
    compress(source, start, end, target, at, limit) {
      const packed = zstd.compress(source.subarray(start, end));
      if (packed.length > limit) return 0;
      target.set(packed, at);
      return packed.length;
    },
    mostOf: (source, start, end) => mostOfFrame(source.subarray(start, end)),
    decompress(source, start, end, target) {
      const packed = source.subarray(start, end);
      if (!isFrameOf(packed, target.length)) return false;
      try {
        const raw = zstd.decompress(packed, target.length);
        if (raw.length !== target.length) return false;
        target.set(raw);
        return true;
      } catch {
        return false;
      }
    },
  };
}

const maxBlockBytes = 128 * 1024;

/**
 * The most bytes that a Zstandard frame can give, by the headers of its blocks; 0
 * when `frame` is not exactly one frame: of a second one nobody would look at the
 * window it asks for.
 */
export function mostOfFrame(frame: Uint8Array): number {
  if (frame.length < 6) return 0;
  const descriptor = frame[4];
  const sizeFlag = descriptor >> 6;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  let at = isSingleSegment ? 5 : 6;
  at += [0, 1, 2, 4][descriptor & 3];
  if (sizeFlag > 0) at += 1 << sizeFlag;
  else if (isSingleSegment) at++;
  const hasChecksum = (descriptor & 4) !== 0;
  let most = 0;
  while (at + 3 <= frame.length) {
    const header = frame[at] | (frame[at + 1] << 8) | (frame[at + 2] << 16);
    const size = header >> 3;
    const type = (header >> 1) & 3;
    // Raw, one byte repeated, compressed.
    most += type === 2 ? maxBlockBytes : Math.min(size, maxBlockBytes);
    at += 3 + (type === 1 ? 1 : size);
    if ((header & 1) === 0) continue;
    return at + (hasChecksum ? 4 : 0) === frame.length ? most : 0;
  }
  return 0;
}

/**
 * Whether `frame` begins a Zstandard frame whose header asks for no more memory
 * than `rawLength` needs (RFC 8878, section 3.1.1.1): decoders believe it.
 */
export function isFrameOf(frame: Uint8Array, rawLength: number): boolean {
  if (frame.length < 6 || readU32(frame, 0) !== 0xfd2f_b528) return false;
  const descriptor = frame[4];
  const sizeFlag = descriptor >> 6;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  let at = 5;
  if (!isSingleSegment) {
    const exponent = frame[at] >> 3;
    const mantissa = frame[at] & 7;
    const window = 2 ** (10 + exponent) * (1 + mantissa / 8);
    // Streaming encoders may round the window up; 8 MiB is what every decoder must support.
    if (window > Math.max(2 ** 23, 2 * rawLength)) return false;
    at++;
  }
  at += [0, 1, 2, 4][descriptor & 3];
  if (sizeFlag === 0 && !isSingleSegment) return true;
  const sizeBytes = sizeFlag === 0 ? 1 : 1 << sizeFlag;
  if (at + sizeBytes > frame.length) return false;
  return readContentSize(frame, at, sizeBytes) === rawLength;
}

function readContentSize(frame: Uint8Array, at: number, sizeBytes: number): number {
  if (sizeBytes === 1) return frame[at];
  if (sizeBytes === 2) return readU16(frame, at) + 256;
  return sizeBytes === 4 ? readU32(frame, at) : readU64(frame, at);
}
