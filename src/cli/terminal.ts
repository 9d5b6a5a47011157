/** A line for people on stderr; a reader that went away is no error. */
export function printNote(text: string): void {
  process.stderr.write(`${text}\n`);
}

export function isTerminal(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY;
}
