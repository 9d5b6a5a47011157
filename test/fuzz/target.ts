import type { Prng } from '../../src/base/prng.js';
import type { LsmErrorCode } from '../../src/index.js';

/** A decoder, what it is fed with, and what it may take. */
export interface Target {
  readonly name: string;
  /** Valid inputs, made by our own encoders. */
  readonly seeds: readonly Uint8Array[];
  /**
   * Makes the checksums in `bytes` right again, in place, so that what is behind
   * them is reached. Absent where there are none.
   */
  readonly seal?: (bytes: Uint8Array) => void;
  /**
   * Decodes and uses what comes out. True: accepted. False: refused with an answer
   * (-1, undefined, a text). Throws what the decoder throws. Draws from `random`
   * only, so that the same input is used in the same way again.
   */
  readonly decode: (bytes: Uint8Array, random: Prng) => boolean | Promise<boolean>;
  /** With which codes it may refuse. Default: `LSM_CORRUPTION`, `LSM_UNSUPPORTED_FORMAT`. */
  readonly codes?: readonly LsmErrorCode[];
  /** Other errors that are a refusal, such as those of the command line. */
  readonly isRefusal?: (error: unknown) => boolean;
  /** Seeds may be refused too, as they are used in ways they were not made for. */
  readonly refusesSeeds?: true;
  /** It has a result for any bytes. */
  readonly refusesNothing?: true;
  /** Memory that one input may take: so much at least, and so many bytes for each of its bytes. */
  readonly memory?: { readonly fixed: number; readonly perByte: number };
  /** Share of inputs whose bytes stay in their places, so that what points at them does not miss. Default 0. */
  readonly inPlace?: number;
  /** How many inputs of a seed's share it gets, as a multiple. Default 1. */
  readonly weight?: number;
}

/** Inputs that a target was fed with. */
export interface Tally {
  inputs: number;
  /** Seeds as they are, which must be accepted; not among the rest. */
  untouched: number;
  /** With checksums made right. */
  sealed: number;
  accepted: number;
  refused: number;
}
