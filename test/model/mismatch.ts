/** The database and the model disagree. */
export class Mismatch extends Error {
  constructor(message: string, cause?: unknown) {
    const reason = cause instanceof Error ? `: ${cause.stack ?? cause.message}` : '';
    super(message + reason, { cause });
    this.name = 'Mismatch';
  }
}
