import { createInterface } from 'node:readline';
import { exitCodes, Failure, usage } from './failure.js';
import { isTerminal, printNote } from './terminal.js';

/** Asks on the terminal; undefined when it is closed instead of answered. */
function ask(question: string): Promise<string | undefined> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  return new Promise((settle) => {
    lines.once('close', () => settle(undefined));
    lines.once('SIGINT', () => lines.close());
    lines.question(question, (answer) => {
      settle(answer);
      lines.close();
    });
  });
}

/**
 * Has the user type `name`, having been told `what` is about to happen. Without a
 * terminal nobody can be asked: then `doing` needs --yes.
 * @throws Failure when it is not confirmed
 */
export async function confirm(
  name: string,
  doing: string,
  what: () => Promise<string>,
): Promise<void> {
  if (!isTerminal(process.stdin) || !isTerminal(process.stderr)) {
    throw usage(`${doing} wants a confirmation, and there is no terminal to ask on; give --yes`);
  }
  printNote(await what());
  const answer = await ask(`Type its name, ${name}, to confirm: `);
  if (answer === undefined) {
    process.stderr.write('\n');
    throw new Failure(exitCodes.interrupted, 'interrupted; nothing was removed');
  }
  if (answer.trim() !== name) {
    throw new Failure(exitCodes.no, `that is not ${name}; nothing was removed`);
  }
}
