/** The database and the model disagree. */
export class Mismatch extends Error {
  constructor(message: string, cause?: unknown) {
    const reason =
      cause === undefined
        ? ''
        : `: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`;
    super(message + reason, { cause });
    this.name = 'Mismatch';
  }
}
