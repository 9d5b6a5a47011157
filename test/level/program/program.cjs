// A small program as one finds them: sublevels, JSON, iterators, ranges, clear,
// batches, snapshots, hooks, events. It knows classic-level, and nothing of nori-lsm.
exports.run = async function run(ClassicLevel, location, print) {
  const db = new ClassicLevel(location, { valueEncoding: 'json', cacheSize: 4 * 1024 * 1024 });

  // Before it is open.
  await db.put('config', { theme: 'dark' });
  print('config', await db.get('config'), db.getSync('config'), await db.get('missing'));

  const users = db.sublevel('users', { valueEncoding: 'json' });
  const byAge = db.sublevel('by-age', { keyEncoding: 'utf8', valueEncoding: 'utf8' });
  // An index that keeps itself, and what is written as it happens.
  users.hooks.prewrite.add((operation, batch) => {
    if (operation.type !== 'put') return;
    const key = `${operation.value.age}!${operation.key}`;
    batch.add({ type: 'put', key, value: operation.key, sublevel: byAge });
  });
  let written = 0;
  db.on('write', (operations) => (written += operations.length));

  await users.batch([
    { type: 'put', key: 'ada', value: { name: 'Ada', age: 36 } },
    { type: 'put', key: 'grace', value: { name: 'Grace', age: 85 } },
    { type: 'put', key: 'alan', value: { name: 'Alan', age: 41 } },
  ]);
  await users.batch().put('edsger', { name: 'Edsger', age: 72 }).del('alan').write({ sync: true });
  print('written', written);

  for await (const [key, { name }] of users.iterator({ gte: 'b', reverse: true })) print(key, name);
  print('by age', await byAge.values({ gt: '40' }).all());
  print('many', await users.getMany(['ada', 'nobody']), await users.hasMany(['ada', 'nobody']));

  const snapshot = db.snapshot();
  await users.put('barbara', { name: 'Barbara', age: 84 });
  print('before', await users.keys({ snapshot }).all(), 'now', await users.keys().all());
  await snapshot.close();

  const iterator = db.iterator({ keyEncoding: 'buffer', values: false, limit: 3 });
  iterator.seek(Buffer.from('config'));
  print(
    'seek',
    (await iterator.nextv(10)).map(([key]) => key.toString()),
  );
  await iterator.close();

  await users.clear({ lt: 'c' });
  await byAge.clear();
  print('left', await db.keys().all());
  print('size', typeof (await db.approximateSize('a', 'z')), db.getProperty('leveldb.unknown'));
  await db.compactRange('a', 'z');

  const locked = new ClassicLevel(location);
  await locked.open().catch((error) => print(error.code, error.cause.code));
  await db.close();
  await db.get('config').catch((error) => print(error.code));

  await ClassicLevel.destroy(location);
  const fresh = new ClassicLevel(location, { createIfMissing: false });
  await fresh
    .open()
    .catch((error) => print(error.code, /does not exist/.test(error.cause.message)));
};
