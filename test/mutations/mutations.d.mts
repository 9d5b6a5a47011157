export interface Mutation {
  /** What is broken. */
  readonly name: string;
  readonly file: string;
  /** Exact text, which stands once in the file. */
  readonly find: string;
  readonly replace: string;
  /** A test file, and a test in it: group and name, joined with ' › '. */
  readonly caughtBy: readonly [file: string, test: string];
}

export declare const mutations: readonly Mutation[];
