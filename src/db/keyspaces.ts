import { invalidArgument, LsmError } from '../base/errors.js';
import { runAsync, Task, type Steps } from '../base/task.js';
import { maxKeyspaceNameBytes, type VersionEdit } from '../manifest/version-edit.js';
import { storedSettings } from './compaction-options.js';
import type { Core } from './core.js';
import type { DatabaseParts, WriterParts } from './database-parts.js';
import { defaultKeyspaceId, type KeyspaceCore } from './keyspace-core.js';
import {
  keyspaceSettingNames,
  keyspaceSettingsOf,
  resolveKeyspaceOptions,
  type KeyspaceOptions,
} from './options.js';
import type { Encodings, KeyspaceSettings } from './settings.js';

/** Finds a keyspace, or makes it; gives it the settings that are named. */
export async function openKeyspace(
  parts: DatabaseParts,
  name: string,
  options: KeyspaceOptions,
): Promise<{ readonly keyspace: KeyspaceCore; readonly encodings: Encodings }> {
  const { core } = parts;
  core.checkOpen();
  checkName(name);
  const existing = core.findKeyspace(name);
  const { encodings } = resolve(parts, options, existing);
  if (existing === undefined) {
    if (core.settings.readOnly) throw noKeyspace(core, name);
  } else if (core.settings.readOnly || !changesSettings(options)) {
    return { keyspace: existing, encodings };
  }
  core.checkWritable();
  const keyspace = await core.inTurn(() => makeOrChange(parts, name, options));
  return { keyspace, encodings };
}

async function makeOrChange(
  parts: DatabaseParts,
  name: string,
  options: KeyspaceOptions,
): Promise<KeyspaceCore> {
  const { core } = parts;
  await core.findLeaving(name)?.leaving?.promise;
  core.checkWritable();
  const existing = core.findKeyspace(name);
  if (existing !== undefined && !changesSettings(options)) return existing;
  const { settings } = resolve(parts, options, existing);
  await runAsync(core.applyEdit(() => makeEdit(core, name, settings, existing)));
  const keyspace = core.findKeyspace(name);
  // Dropped by somebody who did not wait.
  if (keyspace === undefined) throw noKeyspace(core, name);
  keyspace.settings = settings;
  return keyspace;
}

function resolve(
  { core, encodings }: DatabaseParts,
  options: KeyspaceOptions,
  existing: KeyspaceCore | undefined,
): { readonly settings: KeyspaceSettings; readonly encodings: Encodings } {
  const base = existing?.settings ?? keyspaceSettingsOf(core.settings);
  return resolveKeyspaceOptions(options, base, encodings);
}

function changesSettings(options: KeyspaceOptions): boolean {
  return keyspaceSettingNames.some((name) => options[name] !== undefined);
}

/** None for a keyspace that was dropped before the edit's turn came. */
function makeEdit(
  { versions }: Core,
  name: string,
  settings: KeyspaceSettings,
  existing: KeyspaceCore | undefined,
): VersionEdit | undefined {
  if (existing?.isDropped) return undefined;
  const keyspaceId = existing?.id ?? versions.nextKeyspaceId;
  const stored = [{ keyspaceId, settings: storedSettings(settings) }];
  return existing === undefined
    ? { addedKeyspaces: [{ id: keyspaceId, name }], settings: stored }
    : { settings: stored };
}

export async function dropKeyspace(parts: DatabaseParts, name: string): Promise<void> {
  const { core, scans, writer } = parts;
  core.checkWritable();
  checkName(name);
  const keyspace = core.findKeyspace(name);
  if (keyspace === undefined) throw noKeyspace(core, name);
  if (keyspace.id === defaultKeyspaceId) {
    throw invalidArgument('the default keyspace cannot be dropped');
  }
  keyspace.markDropped();
  core.hasDropped = true;
  scans.closeAll(core.droppedError(keyspace), (id) => id === keyspace.id);
  const drop = new Task(dropSteps(core, writer!, keyspace), (error) => core.fail('log', error));
  keyspace.leaving = drop;
  core.drops.add(drop);
  try {
    await drop.promise;
  } finally {
    core.drops.delete(drop);
    writer!.background.keyspaceDropped(keyspace);
  }
}

function* dropSteps(core: Core, { logs }: WriterParts, keyspace: KeyspaceCore): Steps<void> {
  // As with a flush: nobody may see this, and not what was written before it.
  yield* logs.sync();
  let logNumber = 0;
  yield* core.applyEdit(() => {
    logNumber = logs.oldestNeeded(core.oldestUnflushedSeq(undefined, keyspace));
    return { droppedKeyspaces: [keyspace.id], logNumber };
  });
  yield* logs.removeBelow(logNumber);
}

function checkName(name: unknown): void {
  if (typeof name !== 'string' || name === '') {
    throw invalidArgument('a keyspace has a non-empty string as its name');
  }
  if (Buffer.from(name, 'utf8').toString('utf8') !== name)
    throw invalidArgument('the name of a keyspace must be valid Unicode');
  const bytes = Buffer.byteLength(name, 'utf8');
  if (bytes > maxKeyspaceNameBytes) {
    throw invalidArgument(
      `the name of a keyspace has at most ${maxKeyspaceNameBytes} bytes, not ${bytes}`,
    );
  }
}

function noKeyspace(core: Core, name: string): LsmError {
  return new LsmError(
    'LSM_NOT_FOUND',
    `there is no keyspace ${JSON.stringify(name)} in ${core.path}`,
    { file: core.path },
  );
}
