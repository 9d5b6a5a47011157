import { join } from 'node:path';
import { inspect } from 'node:util';
import { ClassicLevel } from 'classic-level';
import { Level } from 'level';
import { run } from './program.cjs';

const print = (...things) => console.log(things.map((thing) => inspect(thing)).join(' '));
await run(ClassicLevel, join(process.argv[2], 'classic-level'), print);
await run(Level, join(process.argv[2], 'level'), print);
