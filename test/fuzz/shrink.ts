import type { Verdict } from './fuzz.js';
import type { Target } from './target.js';

const mostTries = 3000;

/** A shorter input, with more zeros in it, that fails as `bytes` does. */
export async function shrink(
  bytes: Uint8Array,
  target: Target,
  isSealed: boolean,
  judge: (input: Uint8Array) => Promise<Verdict>,
): Promise<Uint8Array> {
  let tries = 0;
  let best = bytes;
  const fails = async (candidate: Uint8Array): Promise<boolean> => {
    if (tries++ >= mostTries) return false;
    if (isSealed) target.seal!(candidate);
    if (typeof (await judge(candidate)) === 'string') return false;
    best = candidate;
    return true;
  };
  for (let size = best.length >>> 1; size > 0; size >>>= 1) {
    for (let at = 0; at < best.length;) {
      const shorter = Buffer.concat([best.subarray(0, at), best.subarray(at + size)]);
      if (!(await fails(new Uint8Array(shorter)))) at += size;
      if (tries >= mostTries) return best;
    }
  }
  for (let at = 0; at < best.length; at++) {
    if (best[at] === 0) continue;
    const plainer = best.slice();
    plainer[at] = 0;
    await fails(plainer);
  }
  return best;
}
