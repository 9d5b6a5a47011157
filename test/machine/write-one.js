// The least that a program can do.
import { open } from '../../dist/index.js';
import * as tools from './tools.js';

const db = await open(tools.settings.directory, tools.options);
const put = await tools.outcome(() => db.put('a', '1', { durability: 'disk' }));
await db.close();
tools.tell({ put });
