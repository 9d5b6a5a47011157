import type { Argument, Command, Option } from 'commander';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** What a shell needs to know of one command. */
interface CommandWords {
  readonly names: readonly string[];
  readonly summary: string;
  readonly options: readonly Option[];
  /** Choices of its arguments, where it has any; else they are paths and keys. */
  readonly choices: readonly string[];
}

function describeCommands(program: Command): CommandWords[] {
  return program.commands.map((command) => ({
    names: [command.name(), ...command.aliases()],
    summary: command.description().split(/[;:]/)[0],
    options: command.createHelp().visibleOptions(command),
    choices: command.registeredArguments.flatMap((each: Argument) => each.argChoices ?? []),
  }));
}

function flagsOf({ short, long }: Option): string[] {
  return [short, long].filter((flag) => flag !== undefined);
}

const takesValue = (option: Option): boolean => option.required || option.optional;

/** A word in single quotes, as all three shells read it. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function bash(commands: readonly CommandWords[]): string {
  const values: string[] = [];
  const words: string[] = [];
  for (const { names, options, choices } of commands) {
    for (const option of options.filter(takesValue)) {
      const patterns = names.flatMap((name) =>
        flagsOf(option).map((flag) => quote(`${name} ${flag}`)),
      );
      const reply =
        option.argChoices === undefined
          ? 'return'
          : `_nori_words ${quote(option.argChoices.join(' '))}; return`;
      values.push(`    ${patterns.join(' | ')}) ${reply} ;;`);
    }
    const flags = options.flatMap(flagsOf).join(' ');
    const bare = choices.length === 0 ? '' : ` || _nori_words ${quote(choices.join(' '))}`;
    words.push(
      `    ${names.join(' | ')}) [[ $cur == -* ]] && _nori_words ${quote(flags)}${bare} ;;`,
    );
  }
  const all = [...commands.flatMap(({ names }) => names), 'help', '--help', '--version'];
  return `# To load it in this shell: source <(nori completion bash)
_nori_words() { COMPREPLY=($(compgen -W "$1" -- "$cur")); }
_nori() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]}
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then _nori_words ${quote(all.join(' '))}; return; fi
  case "$command $prev" in
${values.join('\n')}
  esac
  case "$command" in
${words.join('\n')}
  esac
}
complete -o default -F _nori nori
`;
}

/** Colons end the word that _describe completes; brackets the description of a flag. */
const escapeZsh = (text: string): string => text.replace(/[:[\]\\]/g, '\\$&');

function zsh(commands: readonly CommandWords[]): string {
  const list = commands.map(({ names, summary }) => quote(`${names[0]}:${escapeZsh(summary)}`));
  const cases = commands.map(({ names, options, choices }) => {
    const specs = options.map((option) => {
      const flags = flagsOf(option);
      const spec = `${flags.at(-1)}[${escapeZsh(option.description)}]`;
      if (!takesValue(option)) return quote(spec);
      return quote(
        `*${spec}:value:${option.argChoices === undefined ? ' ' : `(${option.argChoices.join(' ')})`}`,
      );
    });
    const rest = choices.length === 0 ? '*:path:_files' : `1:word:(${choices.join(' ')})`;
    return `    ${names.join('|')}) shift words; ((CURRENT--)); _arguments ${[...specs, quote(rest)].join(' ')} ;;`;
  });
  return `#compdef nori
# To load it in this shell: source <(nori completion zsh)
_nori() {
  local -a commands=(${list.join(' ')})
  if ((CURRENT == 2)); then _describe command commands; return; fi
  case $words[2] in
${cases.join('\n')}
  esac
}
compdef _nori nori
`;
}

function fish(commands: readonly CommandWords[]): string {
  const lines = ['# To load it in this shell: nori completion fish | source'];
  for (const { names, summary, options, choices } of commands) {
    for (const name of names) {
      lines.push(`complete -c nori -n __fish_use_subcommand -f -a ${name} -d ${quote(summary)}`);
    }
    const seen = `complete -c nori -n ${quote(`__fish_seen_subcommand_from ${names.join(' ')}`)}`;
    if (choices.length > 0) lines.push(`${seen} -f -a ${quote(choices.join(' '))}`);
    for (const option of options) {
      const flags = flagsOf(option).map((flag) =>
        flag.startsWith('--') ? ` -l ${flag.slice(2)}` : ` -s ${flag.slice(1)}`,
      );
      const value = !takesValue(option)
        ? ''
        : option.argChoices === undefined
          ? ' -r'
          : ` -x -a ${quote(option.argChoices.join(' '))}`;
      lines.push(`${seen}${flags.join('')}${value} -d ${quote(option.description)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** A script that completes the commands, flags and choices of `program`, made from its definition. */
export function completionScript(program: Command, shell: Shell): string {
  return { bash, zsh, fish }[shell](describeCommands(program));
}
