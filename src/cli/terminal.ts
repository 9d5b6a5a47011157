/** A line for people on stderr; a reader that went away is no error. */
export function printNote(text: string): void {
  process.stderr.write(`${text}\n`);
}

export function isTerminal(stream: { readonly isTTY?: boolean }): boolean {
  return stream.isTTY === true;
}
