import { expect, test } from 'vitest';
import { onProcessExit } from '../../src/db/exit-hook.js';

test('at exit, a database that cannot write does not keep others from writing', () => {
  const before = process.listeners('exit');
  let written = 0;
  const forget = [
    onProcessExit(() => {
      throw new Error('the disk is gone');
    }),
    onProcessExit(() => void written++),
  ];
  const [listener] = process.listeners('exit').filter((known) => !before.includes(known));
  expect(listener).toBeDefined();
  listener.call(process, 0);
  expect(written).toBe(1);
  for (const forgetOne of forget) forgetOne();
  expect(process.listeners('exit')).toEqual(before);
});
