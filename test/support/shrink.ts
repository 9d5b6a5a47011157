/** How long a failing list is worked on. */
export interface ShrinkLimits {
  readonly runs: number;
  readonly ms: number;
}

const defaultLimits: ShrinkLimits = { runs: 400, ms: 60_000 };

/**
 * A shorter list that still fails, in the order of `list`: ever smaller parts are
 * left out until no single element can be, or the limits are reached (delta
 * debugging, Zeller and Hildebrandt 2002). `fails` must be true of `list`.
 */
export async function shrink<T>(
  list: readonly T[],
  fails: (list: readonly T[]) => Promise<boolean>,
  limits: ShrinkLimits = defaultLimits,
): Promise<readonly T[]> {
  const endMs = Date.now() + limits.ms;
  let runs = 0;
  let shortest = list;
  for (let size = Math.ceil(list.length / 2); size >= 1 && shortest.length > 0;) {
    let isShorter = false;
    // From the end: what comes last is most often there only because of what was before.
    for (let end = shortest.length; end > 0; end -= size) {
      if (runs++ >= limits.runs || Date.now() > endMs) return shortest;
      const rest = [...shortest.slice(0, Math.max(0, end - size)), ...shortest.slice(end)];
      if (!(await fails(rest))) continue;
      shortest = rest;
      isShorter = true;
    }
    if (size === 1 && !isShorter) break;
    size = size === 1 ? 1 : Math.ceil(Math.min(size, shortest.length) / 2);
  }
  return shortest;
}

/**
 * What kind of failure this is, so that a shorter list which fails for another
 * reason is not taken for the same: name and first line, without numbers, of the
 * error at the bottom of it.
 */
export function kindOfFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof Error) return kindOfFailure(error.cause);
  return `${error.name} ${error.message.split('\n', 1)[0].replace(/\d+/g, '#')}`.slice(0, 60);
}

/** `3,17,21-25` as a list, from NORI_STEPS; undefined when all steps are meant. */
export function chosenSteps(): readonly number[] | undefined {
  const text = process.env['NORI_STEPS'];
  return text === undefined ? undefined : parseSteps(text);
}

/** The numbers that a text like `3,17,21-25` stands for. */
export function parseSteps(text: string): readonly number[] {
  if (text === '') return [];
  return text.split(',').flatMap((part) => {
    const [first, last = first] = part.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/** Rising numbers as `parseSteps` takes them. */
export function formatSteps(steps: readonly number[]): string {
  const parts: string[] = [];
  for (let from = 0, to = 0; from < steps.length; from = ++to) {
    while (steps[to + 1] === steps[to] + 1) to++;
    parts.push(from === to ? `${steps[from]}` : `${steps[from]}-${steps[to]}`);
  }
  return parts.join();
}

/** A run of some steps, which says in words what it does; what begins with a space belongs to the words before. */
export type RunSteps = (steps: readonly number[], say: (words: string) => void) => Promise<void>;

/**
 * The error to throw when the run of `steps` has failed with `cause`: with the
 * shortest list of steps that fails in the same way, in words, and the command
 * that repeats it.
 */
export async function shrunkFailure(
  cause: unknown,
  steps: readonly number[],
  command: { readonly seed: number; readonly testFile: string },
  run: RunSteps,
  limits?: ShrinkLimits,
): Promise<Error> {
  const kind = kindOfFailure(cause);
  let last: unknown = cause;
  const fails = async (some: readonly number[]): Promise<boolean> => {
    try {
      await run(some, () => undefined);
    } catch (error) {
      if (kindOfFailure(error) !== kind) return false;
      last = error;
      return true;
    }
    return false;
  };
  const shortest = await shrink(steps, fails, limits);
  const words: string[] = [];
  const say = (more: string): void => {
    if (more.startsWith(' ') && words.length > 0) words[words.length - 1] += `;${more}`;
    else words.push(`  ${more}`);
  };
  await run(shortest, say).catch((error: unknown) => (last = error));
  const chosen = formatSteps(shortest);
  const { seed, testFile } = command;
  const reason = last instanceof Error ? (last.stack ?? last.message) : String(last);
  return new Error(
    [
      `of ${steps.length} steps these ${shortest.length} are enough:`,
      ...words,
      `repeat just them with: NORI_SEED=${seed} NORI_STEPS=${chosen} npx vitest run ${testFile}`,
      reason,
    ].join('\n'),
    { cause },
  );
}
