import { readFileSync } from 'node:fs';
import { Argument, Command, Option } from 'commander';
import { bench, type BenchOptions } from './bench.js';
import { checkpoint, type CheckpointFlags } from './checkpoint.js';
import { completionScript, shells, type Shell } from './completion.js';
import { destroy, type DestroyFlags } from './destroy.js';
import { dump, type DumpOptions } from './dump.js';
import { importLevelDb, type ImportOptions } from './import-leveldb.js';
import {
  dropKeyspace,
  listKeyspaces,
  type DropOptions,
  type KeyspacesOptions,
} from './keyspaces.js';
import {
  addRangeOptions,
  durabilityOption,
  examples,
  formatOption,
  keyspaceOption,
  parseCount,
  parseSeconds,
  quietOption,
  setOption,
} from './flags.js';
import { lineFormats } from './line-format.js';
import { load, type LoadOptions } from './load.js';
import { compact, verify, type CompactOptions } from './maintenance-commands.js';
import type { Output } from './output.js';
import { get, put, remove, type GetOptions, type WriteOptions } from './point-commands.js';
import { repair, type RepairFlags } from './repair.js';
import { scan, type ScanOptions } from './scan.js';
import { stats, type StatsOptions } from './stats.js';

const footer = `
Keys on the command line are text. For bytes write hex:00ff or base64:AP8=, and
text:hex:00ff for a text that begins like one of these three.

Exit codes:
  0   done
  1   the key is not there, a line of the input is malformed, or you did not confirm
  2   damage found
  64  wrong command, flag or argument
  66  no such file or database, or it is something else
  70  a bug in nori
  73  cannot create or write there: permissions
  74  the disk failed or is full
  75  locked by another process, or busy: try again
  130 interrupted

See 'nori COMMAND --help' for the flags of one, with examples.

Examples:
  nori load ./words words.tsv
  nori get ./words apple
  nori scan ./words --prefix app --limit 10 --json
  nori stats ./words`;

function packageVersion(): string {
  const path = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}

/** The command line: what there is to say and who does it. */
export function makeProgram(output: Output): Command {
  const program = new Command('nori')
    .description('An embedded key-value store, from the command line.')
    .usage('COMMAND DIR [ARGUMENTS] [--flags]')
    .version(packageVersion())
    .addHelpText('after', footer);

  program
    .command('load <dir> <file>')
    .description(
      'store the lines of a file (- for standard input); makes the database when it is missing',
    )
    .addOption(keyspaceOption())
    .addOption(
      new Option(
        '--format <format>',
        'tsv: key, tab, value; ndjson: {"key":…,"value":…}; default: by the name of the file',
      ).choices(lineFormats),
    )
    .option('--batch-size <lines>', 'lines written at once, all or none', parseCount(1), 1000)
    .option('--ack', "print 'acknowledged N' on stdout when the first N lines are stored")
    .option('--no-check', 'do not read a file through for bad lines before the first is stored')
    .option('--no-wait', 'end without waiting for compactions that are due')
    .addOption(durabilityOption())
    .addOption(setOption())
    .addOption(quietOption())
    .addHelpText(
      'after',
      examples(
        'nori load ./words words.tsv',
        'nori load ./users users.ndjson --batch-size 100 --durability disk',
        'nori scan ./a --json | nori load ./b - --format ndjson',
      ),
    )
    .action((dir: string, file: string, options: LoadOptions) => load(output, dir, file, options));

  program
    .command('get <dir> <key>')
    .description('print the value of a key')
    .addOption(keyspaceOption())
    .addOption(formatOption('--value-format', 'values'))
    .option('--raw', 'print no newline behind the value')
    .addHelpText(
      'after',
      examples(
        'nori get ./words apple',
        'nori get ./images hex:00ff --raw > image.png',
        'nori get ./shop id7 --keyspace users',
        'nori get ./words -- -key-with-a-dash',
      ),
    )
    .action((dir: string, key: string, options: GetOptions) => get(output, dir, key, options));

  program
    .command('put <dir> <key> <value>')
    .description('store one value (- for standard input); makes the database when it is missing')
    .addOption(keyspaceOption())
    .addOption(durabilityOption())
    .addOption(setOption())
    .addOption(quietOption())
    .addHelpText(
      'after',
      examples(
        "nori put ./words apple 'a fruit'",
        'nori put ./images logo - < logo.png',
        'nori put ./words apple red --durability disk',
      ),
    )
    .action((dir: string, key: string, value: string, options: WriteOptions) =>
      put(dir, key, value, options),
    );

  program
    .command('delete <dir> <keys...>')
    .alias('del')
    .description('delete keys, all or none; one that is not there is fine')
    .addOption(keyspaceOption())
    .addOption(durabilityOption())
    .addOption(setOption())
    .addHelpText(
      'after',
      examples('nori delete ./words apple', 'nori delete ./words apple pear hex:00ff'),
    )
    .action((dir: string, keys: string[], options: WriteOptions) => remove(dir, keys, options));

  addRangeOptions(program.command('scan <dir>'))
    .description('print keys and values in order: key, tab, value')
    .addOption(keyspaceOption())
    .option('--limit <count>', 'at most so many', parseCount(0))
    .option('--reverse', 'from the last key to the first')
    .option('--keys-only', 'print no values')
    .option('--json', 'one JSON object per line, as load takes it')
    .addOption(formatOption('--key-format', 'keys'))
    .addOption(formatOption('--value-format', 'values'))
    .addHelpText(
      'after',
      examples(
        'nori scan ./words --prefix app --limit 10',
        'nori scan ./words --gte b --lt c --reverse',
        'nori scan ./shop --keyspace users',
        'nori scan ./words --json | gzip > words.ndjson.gz',
      ),
    )
    .action((dir: string, options: ScanOptions) => scan(output, dir, options));

  program
    .command('stats <dir>')
    .description('show the shape of the tree and what it costs')
    .option('-k, --keyspace <name>', 'one keyspace, instead of all together')
    .option('--json', 'all figures as one JSON object')
    .addOption(
      new Option(
        '--watch [seconds]',
        'look again every so often (2 s) until Ctrl-C; a line each time where the output is no terminal',
      ).argParser(parseSeconds),
    )
    .addOption(setOption())
    .addHelpText(
      'after',
      examples(
        'nori stats ./words',
        'nori stats ./words --watch 5',
        'nori stats ./words --watch --json | tee stats.ndjson',
      ),
    )
    .action((dir: string, options: StatsOptions) => stats(output, dir, options));

  addRangeOptions(program.command('compact <dir>'))
    .description('merge all levels into one, dropping what is deleted or overwritten')
    .option('-k, --keyspace <name>', 'one keyspace, instead of all')
    .addOption(setOption())
    .addOption(quietOption())
    .addHelpText(
      'after',
      examples(
        'nori compact ./words',
        'nori compact ./words --prefix app',
        'nori compact ./shop --keyspace users',
      ),
    )
    .action((dir: string, options: CompactOptions) => compact(dir, options));

  program
    .command('checkpoint <dir> <target>')
    .description('make a copy of a database in a new directory, with links where there can be')
    .addOption(setOption())
    .addOption(quietOption())
    .addHelpText('after', examples('nori checkpoint ./words ./words-sunday'))
    .action((dir: string, target: string, options: CheckpointFlags) =>
      checkpoint(dir, target, options),
    );

  program
    .command('verify <dir>')
    .description('read everything and list what is damaged; changes nothing')
    .option('--json', 'the report as one JSON object')
    .addHelpText(
      'after',
      examples('nori verify ./words', 'nori verify ./words --json | jq .damages'),
    )
    .action((dir: string, options: { json?: boolean }) => verify(output, dir, options));

  program
    .command('repair <dir>')
    .description('save what can be read of a damaged database, so that it opens again')
    .option('--dry-run', 'only tell what would be done')
    .option(
      '--discard-lost',
      'remove what repairs and recoveries have moved to lost/, if all else is sound',
    )
    .option('--json', 'the report as one JSON object')
    .option('--database-id <id>', 'of which database the files are, where they are of several')
    .addOption(setOption())
    .addHelpText(
      'after',
      examples(
        'nori repair ./words --dry-run',
        'nori repair ./words',
        'nori repair ./words --discard-lost',
      ),
    )
    .action((dir: string, options: RepairFlags) => repair(output, dir, options));

  program
    .command('keyspaces <dir>')
    .description('list the keyspaces, one name per line')
    .option('--json', 'one JSON object per line, with the figures of each')
    .addHelpText('after', examples('nori keyspaces ./shop', 'nori put ./shop id7 Ada -k users'))
    .action((dir: string, options: KeyspacesOptions) => listKeyspaces(output, dir, options));

  program
    .command('drop <dir> <keyspace>')
    .description('remove a keyspace and everything in it')
    .option('-y, --yes', 'do not ask')
    .addOption(setOption())
    .addOption(quietOption())
    .addHelpText('after', examples('nori drop ./shop sessions', 'nori drop ./shop sessions --yes'))
    .action((dir: string, keyspace: string, options: DropOptions) =>
      dropKeyspace(dir, keyspace, options),
    );

  program
    .command('dump <paths...>')
    .description(
      'print what is in files (a table, log, manifest or CURRENT), or what the files of a directory are for; opens no database',
    )
    .option('--json', 'one JSON object per line, with whole keys and values')
    .option('--no-entries', 'leave out the entries of a table and the operations of a log')
    .addHelpText(
      'after',
      examples(
        'nori dump ./words',
        'nori dump ./words/MANIFEST-000001',
        'nori dump ./words/000003.log | head',
        'nori dump ./words/000012.sst --json | jq \'select(.type == "damage")\'',
      ),
    )
    .action((paths: string[], options: DumpOptions) => dump(output, paths, options));

  program
    .command('destroy <dir>')
    .description('remove a database for good; what is not its own stays')
    .option('-y, --yes', 'do not ask')
    .addOption(setOption())
    .addOption(quietOption())
    .addHelpText('after', examples('nori destroy ./words', 'nori destroy ./words --yes'))
    .action((dir: string, options: DestroyFlags) => destroy(dir, options));

  program
    .command('import-leveldb <dir>')
    .description(
      'copy a LevelDB into a new database and compare them; run again, it goes on where it was',
    )
    .requiredOption('--to <db>', 'the directory of the new database')
    .addOption(setOption())
    .addOption(quietOption())
    .addHelpText(
      'after',
      examples(
        'nori import-leveldb ./old --to ./new',
        'nori import-leveldb ./old --to ./new --set compression=zstd',
      ) +
        `

It reads through classic-level, which is looked for in the project that it is run
in. LevelDB has no way to open without writing: it replays its log and may tidy
its files, as at each start of your program. Copy the directory before if it must
stay as it is.`,
    )
    .action((dir: string, options: ImportOptions) => importLevelDb(dir, options));

  program
    .command('bench')
    .description('measure this machine: workloads by the names of db_bench and YCSB')
    .addArgument(new Argument('[workloads...]', 'which ones; default: all'))
    .option('--entries <count>', 'how many', parseCount(1), 1_000_000)
    .option(
      '--value-bytes <count>',
      'of each value, of which half compresses away',
      parseCount(1),
      100,
    )
    .option(
      '--batch <count>',
      'entries of a batch (default: 1000, 100 to overwrite)',
      parseCount(1),
    )
    .option(
      '--dir <dir>',
      'where to make the databases, which are removed again (default: the directory of temporary files)',
    )
    .option('--json', 'the figures of each workload as a line of JSON')
    .addOption(setOption())
    .addHelpText(
      'after',
      examples(
        'nori bench',
        'nori bench fillrandom readrandom-sync --entries 200000',
        'nori bench readseq --value-bytes 1000 --set blockCacheBytes=64MiB',
        'nori bench --dir /mnt/disk --json | tee bench.ndjson',
      ),
    )
    .action((names: string[], options: BenchOptions) => bench(output, names, options));

  program
    .command('completion')
    .description('print a script that makes a shell complete commands and flags')
    .addArgument(new Argument('<shell>', 'which shell').choices(shells))
    .addHelpText(
      'after',
      examples(
        "echo 'source <(nori completion bash)' >> ~/.bashrc",
        "echo 'source <(nori completion zsh)' >> ~/.zshrc",
        'nori completion fish > ~/.config/fish/completions/nori.fish',
      ),
    )
    .action(async (shell: Shell) => {
      output.write(completionScript(program, shell));
      await output.drain();
    });

  return program;
}
