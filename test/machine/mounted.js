// Sees a directory where it was mounted a second time.
import { spawnSync } from 'node:child_process';
import { open } from '../../dist/index.js';
import * as tools from './tools.js';

const { directory } = tools.settings;
const options = { ...tools.options, executor: 'inline' };
const openAndClose = async (more) => (await open(directory, { ...options, ...more })).close();

const seen = { open: await tools.outcome(openAndClose) };
spawnSync('mount', ['-o', 'remount,bind,ro', directory]);
seen.openProtected = await tools.outcome(openAndClose);
seen.readOnly = await tools.outcome(() => openAndClose({ readOnly: true }));
tools.tell(seen);
