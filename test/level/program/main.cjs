const { join } = require('node:path');
const { inspect } = require('node:util');
const { ClassicLevel } = require('classic-level');
const { Level } = require('level');
const { run } = require('./program.cjs');

const print = (...things) => console.log(things.map((thing) => inspect(thing)).join(' '));
run(ClassicLevel, join(process.argv[2], 'classic-level'), print).then(() =>
  run(Level, join(process.argv[2], 'level'), print),
);
