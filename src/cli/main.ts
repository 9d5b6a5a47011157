#!/usr/bin/env node
import { CommanderError, type Command } from 'commander';
import { describeFailure, toFailure, usage, type Failure } from './failure.js';
import { Output } from './output.js';
import { makeProgram } from './program.js';

/** Commander's own errors: help and version are none; anything else is wrong usage, in one line. */
function fromCommander(error: CommanderError, command: string): Failure | undefined {
  if (error.exitCode === 0) return undefined;
  const message = error.message
    .replace(/^error: /, '')
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\.$/, '');
  return usage(`${message}; see '${command} --help'`);
}

/** Makes commander throw instead of printing and exiting, in every command. */
function takeOver(program: Command): void {
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({ outputError: () => undefined });
  }
}

/** The command that the arguments name, as the user would ask for its help. */
function helpCommand(program: Command, name: string | undefined): string {
  const known = program.commands.some(
    (command) => command.name() === name || command.aliases().includes(name ?? ''),
  );
  return known ? `nori ${name}` : 'nori';
}

async function run(args: readonly string[]): Promise<Failure | undefined> {
  const program = makeProgram(new Output(process.stdout));
  takeOver(program);
  if (args.length === 0) {
    const names = program.commands.map((command) => command.name()).join(', ');
    return usage(`name a command: ${names}; see 'nori --help'`);
  }
  try {
    await program.parseAsync(args, { from: 'user' });
    return undefined;
  } catch (error) {
    if (error instanceof CommanderError) return fromCommander(error, helpCommand(program, args[0]));
    return toFailure(error);
  }
}

// Nobody reads our errors: then there is nobody to tell.
process.stderr.on('error', () => undefined);
const failure = run(process.argv.slice(2));
void failure.then((failed) => {
  if (failed === undefined) return;
  process.stderr.write(describeFailure(failed, process.env.NORI_DEBUG === '1'));
  process.exitCode = failed.exitCode;
});
