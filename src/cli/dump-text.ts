import type {
  BatchFact,
  BlockFact,
  DirectoryOverview,
  EndFact,
  FileFact,
  FileOverview,
  HeaderFact,
  PropertiesFact,
} from '../inspect.js';
import { formatCount, formatPlural, formatSize } from './numbers.js';
import { showBytes, showText } from './show-bytes.js';

const maxKey = 60;
const maxValue = 60;
/** Offsets stand in a column of their own; what belongs to a record is below it, without one. */
const column = 10;

function at(offset: number, text: string): string {
  return `${String(offset).padEnd(column)} ${text}\n`;
}

function below(text: string): string {
  return `${' '.repeat(column)}   ${text}\n`;
}

const kindNames = { current: 'CURRENT', manifest: 'a manifest', log: 'a log', table: 'a table' };

function formatHeader(fact: HeaderFact): string {
  const { kind, fileBytes, formatVersion, databaseId, fileId, links } = fact;
  const size = `${formatSize(fileBytes)}, format ${formatVersion}`;
  let text = at(0, `${kindNames[kind]}: ${size}, database ${databaseId}, file ${fileId}`);
  if (fact.manifestNumber !== undefined) {
    text += below(`names manifest ${fact.manifestNumber}, file ${fact.manifestFileId}`);
  }
  if (links === undefined) return text;
  const { previousLog, previousEnd, previousSynced } = links;
  if (previousLog === 0) text += below('the first log');
  else {
    text += below(
      `follows log ${previousLog}, which ends at ${previousEnd}, synced up to ${previousSynced}`,
    );
  }
  return (
    text +
    below(
      `seq from ${links.firstSeq}, manifest ${links.manifestNumber} synced up to ${links.manifestSynced}`,
    )
  );
}

/** For records that no recovery takes into account. */
function behind(isBehindDamage: boolean): string {
  return isBehindDamage ? ', behind damage: it does not count' : '';
}

function formatBatch(fact: BatchFact): string {
  const { offset, bytes, firstSeq, operations, syncedOffset } = fact;
  const seqs =
    operations === 1 ? `seq ${firstSeq}` : `seq ${firstSeq}…${firstSeq + operations - 1}`;
  const what = `batch of ${formatPlural(operations, 'operation')}, ${seqs}, ${formatPlural(bytes, 'byte')}`;
  return at(offset, `${what}, log synced up to ${syncedOffset}${behind(fact.isBehindDamage)}`);
}

function formatBlock(fact: BlockFact): string {
  const { offset, bytes, rawBytes, role, codec, entries } = fact;
  const noun = role === 'index' ? 'data block' : 'entry';
  const count = entries === undefined ? '' : `, ${formatCount(entries)} ${plural(noun, entries)}`;
  const size = codec === 'none' ? `${bytes} bytes` : `${bytes} bytes, ${codec} of ${rawBytes}`;
  return at(
    offset,
    `${role === 'unknown' ? 'a block that holds no entries' : `${role} block`}: ${size}${count}`,
  );
}

function plural(noun: string, count: number): string {
  if (count === 1) return noun;
  return noun === 'entry' ? 'entries' : `${noun}s`;
}

function formatProperties({ offset, properties }: PropertiesFact): string {
  let text = at(offset, 'properties:');
  for (const [name, value] of Object.entries(properties)) {
    const shown = value instanceof Uint8Array ? showBytes(value, maxKey) : showText(String(value));
    text += below(`${name}: ${shown === '' ? 'none' : shown}`);
  }
  return text;
}

function formatEnd({ offset, records, entries, damages }: EndFact): string {
  const damage = damages === 0 ? 'no damage' : formatPlural(damages, 'damaged place');
  return at(
    offset,
    `end: ${formatPlural(records, 'record')}, ${formatCount(entries)} ${plural('entry', entries)}, ${damage}`,
  );
}

/** One fact as lines for people; long keys and values are cut. */
export function formatFact(fact: FileFact): string {
  switch (fact.type) {
    case 'header':
      return formatHeader(fact);
    case 'batch':
      return formatBatch(fact);
    case 'operation':
    case 'entry': {
      const { seq, kind, key, value } = fact;
      const place = fact.type === 'operation' ? ` keyspace ${fact.keyspaceId}` : '';
      const shown = value === undefined ? '' : ` = ${showBytes(value, maxValue)}`;
      return below(`${seq} ${kind}${place} ${showBytes(key, maxKey)}${shown}`);
    }
    case 'edit':
      return (
        at(fact.offset, `edit, ${formatPlural(fact.bytes, 'byte')}${behind(fact.isBehindDamage)}`) +
        fact.lines.map((line) => below(showText(line))).join('')
      );
    case 'block':
      return formatBlock(fact);
    case 'properties':
      return formatProperties(fact);
    case 'damage':
    case 'torn-end': {
      const bytes = fact.bytes === undefined ? '' : `, ${formatPlural(fact.bytes, 'byte')}`;
      const hint =
        fact.type === 'damage'
          ? ''
          : '; a crash in the middle of a write leaves this, and the next open cuts it off';
      const word = fact.type === 'damage' ? 'DAMAGE' : 'torn end';
      return at(fact.offset, `${word}${bytes}: ${showText(fact.what)}${hint}`);
    }
    case 'end':
      return formatEnd(fact);
  }
}

const stateNames: Readonly<Record<FileOverview['state'], string>> = {
  'in-use': 'in use',
  missing: 'MISSING',
  obsolete: 'needed no more',
  unknown: 'unknown: no manifest tells',
  'set-aside': 'set aside by a recovery',
  auxiliary: '',
  foreign: 'not ours',
};

function formatFile(file: FileOverview, keyspaces: ReadonlyMap<number, string>): string {
  const { name, bytes, state, table, problem } = file;
  let text = `${showText(name).padEnd(20)} ${formatSize(bytes).padStart(9)}  ${stateNames[state]}`;
  if (table !== undefined) {
    const { keyspaceId, level, entries, smallest, largest } = table;
    const keyspace = showText(keyspaces.get(keyspaceId) ?? String(keyspaceId));
    const range = `${showBytes(smallest, maxKey)} … ${showBytes(largest, maxKey)}`;
    text += `: ${keyspace}, L${level}, ${formatCount(entries)} ${plural('entry', entries)}, ${range}`;
  }
  text = `${text.trimEnd()}\n`;
  return problem === undefined ? text : `${text}${' '.repeat(32)}DAMAGE: ${showText(problem)}\n`;
}

/** A directory as lines for people. */
export function formatOverview(overview: DirectoryOverview): string {
  const { path, databaseId, manifest, lastSeq, keyspaces, problem, files } = overview;
  const names = new Map(keyspaces?.map(({ id, name }) => [id, name]));
  let text =
    databaseId === undefined
      ? `${path}: no manifest can be read\n`
      : `${path}: database ${databaseId}, ${manifest}, last seq ${lastSeq}, keyspaces: ${[...names.values()].map(showText).join(', ')}\n`;
  if (problem !== undefined) text += `DAMAGE: ${showText(problem)}\n`;
  for (const file of files) text += formatFile(file, names);
  return text;
}
