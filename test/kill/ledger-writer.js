// Appends lines to the file KILL_LEDGER, at once: what was written is there after a kill.
// Every thread has a descriptor of its own; a line is one append.
import { openSync, writeSync } from 'node:fs';

let ledger;

export function note(line) {
  ledger ??= openSync(process.env.KILL_LEDGER, 'a');
  writeSync(ledger, `${line}\n`);
}
