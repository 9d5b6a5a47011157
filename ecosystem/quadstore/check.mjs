// quadstore, a graph database, keeps its six indexes in any abstract-level 3 database:
// here in ours. Its answers are compared with a store in memory, n3.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Store } from 'n3';
import { NoriLevel } from 'nori-lsm/level';
import { Quadstore } from 'quadstore';
import { Engine } from 'quadstore-comunica';
import { DataFactory } from 'rdf-data-factory';
import { temporaryDirectory } from '../temporary.mjs';

const directory = join(temporaryDirectory(), 'graph');
const dataFactory = new DataFactory();
const { namedNode, literal, quad, defaultGraph } = dataFactory;
const name = (text) => namedNode(`http://example.org/${text}`);
const integer = namedNode('http://www.w3.org/2001/XMLSchema#integer');

async function openStore() {
  const backend = new NoriLevel(directory);
  const store = new Quadstore({ backend, dataFactory });
  await store.open();
  return store;
}

const asText = ({ subject, predicate, object, graph }) =>
  JSON.stringify([subject, predicate, object, graph].map((term) => term.value));
const asTexts = (quads) => Array.from(quads, asText).sort();

const people = 400;
const expected = new Store();
let store = await openStore();
const quads = [];
for (let i = 0; i < people; i++) {
  const graph = i % 4 === 0 ? name('graph') : defaultGraph();
  quads.push(
    quad(name(`person/${i}`), name('age'), literal(String(i % 90), integer), graph),
    quad(name(`person/${i}`), name('name'), literal(`Näme ${i}`, 'en'), graph),
    quad(name(`person/${i}`), name('knows'), name(`person/${(i * 7) % people}`), graph),
  );
}
await store.multiPut(quads.slice(0, 900), { batchSize: 100 });
for (const each of quads.slice(900)) await store.put(each);
expected.addQuads(quads);

const removed = quads.filter((_, i) => i % 13 === 0);
await store.multiDel(removed);
expected.removeQuads(removed);
const added = quad(name('person/1'), name('knows'), name('nobody'), defaultGraph());
const taken = quads[1];
await store.patch(taken, added);
expected.removeQuad(taken);
expected.addQuad(added);

/** Every way of leaving terms open, which takes every index. */
async function comparePatterns() {
  let patterns = 0;
  for (const { subject, predicate, object, graph } of [quads[2], quads[5], quads[302]]) {
    for (let open = 0; open < 16; open++) {
      const terms = [subject, predicate, object, graph].map((term, i) =>
        (open & (1 << i)) === 0 ? null : term,
      );
      const [s, p, o, g] = terms.map((term) => term ?? undefined);
      const { items } = await store.get({ subject: s, predicate: p, object: o, graph: g });
      assert.deepEqual(asTexts(items), asTexts(expected.getQuads(...terms)), String(terms));
      patterns++;
    }
  }
  return patterns;
}

const patterns = await comparePatterns();

const named = await store.get({ predicate: name('name'), object: literal('Näme 7', 'en') });
assert.deepEqual(asTexts(named.items), asTexts([quads[22]]));

// A range over numbers, which are ordered in the keys.
const aged = await store.get({
  predicate: name('age'),
  object: { termType: 'Range', gte: literal('80', integer), lt: literal('83', integer) },
});
const ages = expected
  .getQuads(null, name('age'), null, null)
  .filter(({ object }) => Number(object.value) >= 80 && Number(object.value) < 83);
assert.deepEqual(asTexts(aged.items), asTexts(ages));

// SPARQL over it, with a join.
const engine = new Engine(store);
const bindings = await engine.queryBindings(
  `
  PREFIX e: <http://example.org/>
  SELECT ?name WHERE { e:person/1 e:knows ?friend . ?friend e:name ?name . }
`.replaceAll('e:person/1', '<http://example.org/person/1>'),
);
const friends = [];
for await (const binding of bindings) friends.push(binding.get('name').value);
const friendNames = expected
  .getQuads(name('person/1'), name('knows'), null, defaultGraph())
  .flatMap(({ object }) => expected.getQuads(object, name('name'), null, defaultGraph()))
  .map(({ object }) => object.value);
assert.deepEqual(friends.sort(), friendNames.sort());
assert(friends.length > 0, 'the query finds somebody');

await store.close();
store = await openStore();
await comparePatterns();
await new Promise((resolve, reject) => {
  store.removeMatches(undefined, name('knows')).on('end', resolve).on('error', reject);
});
for (const each of expected.getQuads(null, name('knows'), null, null)) expected.removeQuad(each);
await comparePatterns();
await store.clear();
assert.equal((await store.get({})).items.length, 0);
await store.close();

console.log(
  `quadstore 15.4.1 on NoriLevel: ${quads.length} quads, ${patterns} patterns, ranges and SPARQL answered as n3 does, before and after a reopen`,
);
