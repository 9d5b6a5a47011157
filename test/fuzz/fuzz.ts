import { getHeapStatistics } from 'node:v8';
import { Prng } from '../../src/base/prng.js';
import { isLsmError } from '../../src/index.js';
import { mutate, mutateInPlace } from './mutate.js';
import { shrink } from './shrink.js';
import type { Tally, Target } from './target.js';
import type { Watchdog } from './watchdog.js';

/** Default of `Target.memory`: decoded things are objects, which take more than their bytes. */
const defaultMemory = { fixed: 1024 * 1024, perByte: 64 };
/** The engine below takes pages, and compiles, when it likes: what an input takes, it takes each time. */
const measurements = 3;
const usualCodes = ['LSM_CORRUPTION', 'LSM_UNSUPPORTED_FORMAT'];

/** Feeds `target` with `count` inputs that follow from `seed`, and counts into `tally`. */
export async function fuzzTarget(
  target: Target,
  seed: number,
  count: number,
  tally: Tally,
  watchdog: Watchdog,
): Promise<void> {
  const random = new Prng(mixSeed(seed, target.name));
  for (let i = 0; i < count; i++) {
    const isUntouched = random.chance(0.05);
    const chosen = target.seeds[random.below(target.seeds.length)];
    const bytes = isUntouched ? chosen.slice() : change(random, target, chosen);
    const isSealed = !isUntouched && target.seal !== undefined && random.chance(0.75);
    if (isSealed) target.seal(bytes);
    const useSeed = random.u32();
    watchdog.see(seed, target.name, bytes);
    const judge = (input: Uint8Array): Promise<Verdict> => judgeInput(target, input, useSeed);
    const verdict = await judge(bytes);
    if (typeof verdict !== 'string') {
      const small = await shrink(bytes, target, isSealed, judge);
      const why = (await judge(small)) as { readonly failure: string };
      const failure = why.failure ?? verdict.failure;
      throw new Error(`${target.name}, input ${i}: ${failure}\n${dump(small)}`);
    }
    tally.inputs++;
    if (isUntouched && verdict === 'refused' && target.refusesSeeds !== true) {
      throw new Error(`${target.name}, input ${i}: a valid one was refused\n${dump(bytes)}`);
    }
    if (isSealed) tally.sealed++;
    if (isUntouched) tally.untouched++;
    else tally[verdict]++;
  }
}

function change(random: Prng, target: Target, chosen: Uint8Array): Uint8Array {
  return random.chance(target.inPlace ?? 0)
    ? mutateInPlace(random, chosen)
    : mutate(random, target.seeds);
}

export function newTally(): Tally {
  return { inputs: 0, untouched: 0, sealed: 0, accepted: 0, refused: 0 };
}

export type Verdict = 'accepted' | 'refused' | { readonly failure: string };

async function judgeInput(target: Target, bytes: Uint8Array, useSeed: number): Promise<Verdict> {
  const { fixed, perByte } = target.memory ?? defaultMemory;
  const most = fixed + perByte * bytes.length;
  for (let i = 1; ; i++) {
    // Decoders may take over what they are given.
    const input = bytes.slice();
    const before = memoryInUse();
    const verdict = await run(target, input, useSeed);
    // Nothing is collected in so short a time, or seldom: then an input more or less escapes.
    const taken = memoryInUse() - before;
    const polluted = pollution();
    if (polluted !== undefined) return { failure: `a prototype has got ${polluted}` };
    if (taken <= most || typeof verdict !== 'string') return verdict;
    if (i < measurements) continue;
    return { failure: `took ${taken} bytes of memory for ${bytes.length}, and may take ${most}` };
  }
}

async function run(target: Target, bytes: Uint8Array, useSeed: number): Promise<Verdict> {
  try {
    const answer = target.decode(bytes, new Prng(useSeed));
    return (typeof answer === 'boolean' ? answer : await answer) ? 'accepted' : 'refused';
  } catch (error) {
    const codes: readonly string[] = target.codes ?? usualCodes;
    if (target.isRefusal?.(error) === true) return 'refused';
    if (isLsmError(error) && codes.includes(error.code) && error.message !== '') return 'refused';
    const shown = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const code = isLsmError(error) ? `${error.code} ` : '';
    return { failure: `threw ${code}${shown}` };
  }
}

/** Bytes of objects and of buffers, those that nobody needs any more included. */
function memoryInUse(): number {
  // 220 ns; process.memoryUsage() takes 3 µs.
  const { used_heap_size: heap, external_memory: buffers } = getHeapStatistics();
  return heap + buffers;
}

const prototypes: readonly object[] = [Object.prototype, Array.prototype, Function.prototype];
const ownNames = prototypes.map((each) => Reflect.ownKeys(each).length);

function pollution(): string | undefined {
  for (let i = 0; i < prototypes.length; i++) {
    const names = Reflect.ownKeys(prototypes[i]);
    if (names.length !== ownNames[i]) return String(names.at(-1));
  }
  return undefined;
}

/** Different targets get different inputs from one seed. */
function mixSeed(seed: number, name: string): number {
  let mixed = seed;
  for (let i = 0; i < name.length; i++) mixed = Math.imul(mixed ^ name.charCodeAt(i), 0x0100_0193);
  return mixed;
}

function dump(bytes: Uint8Array): string {
  const shown = Buffer.from(bytes.subarray(0, 512)).toString('hex');
  const lines = shown.match(/.{1,64}/g) ?? [];
  const rest = bytes.length > 512 ? `\n… of ${bytes.length} bytes` : '';
  return `${bytes.length} bytes:\n${lines.join('\n')}${rest}`;
}
