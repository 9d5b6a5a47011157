import { describe, expect, it } from 'vitest';
import { MemoryFileSystem } from '../../src/fs.js';
import { open, type Encoding, type Keyspace } from '../../src/index.js';

const text = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const;

describe('an encoding that uses the database itself', () => {
  it('changes nothing of the write or read that it is called by', async () => {
    const db = await open('/db', { fs: new MemoryFileSystem(), ...text });
    const names = await db.keyspace('names', text);
    const home: { words?: Keyspace<string, string> } = {};
    // Numbers its words, and keeps a list of them beside them.
    const numbered: Encoding<string> = {
      name: 'numbered',
      encode(word) {
        const known = names.getSync(`word ${word}`);
        if (known !== undefined) return known;
        const number = String(names.keysSync().nextMany(100).length);
        names.putSync(`word ${word}`, number);
        names.putSync(number, word);
        home.words?.deleteSync(`not ${word}`);
        return number;
      },
      decode(bytes) {
        home.words?.hasSync('a');
        return names.getSync(bytes) ?? '';
      },
    };
    const words = await db.keyspace('words', { keyEncoding: 'utf8', valueEncoding: numbered });
    home.words = words;
    words.putSync('a', 'one');
    await words.put('b', 'two');
    words.batchSync([
      { type: 'put', key: 'c', value: 'one' },
      { type: 'put', key: 'd', value: 'three' },
      { type: 'put', key: 'e', value: 'two' },
    ]);
    const seq = db.stats().seq;
    const expected = ['a=one', 'b=two', 'c=one', 'd=three', 'e=two'];
    expect([...words.entriesSync()].map((pair) => pair.join('='))).toEqual(expected);
    expect(words.getManySync(['e', 'a'])).toEqual(['two', 'one']);
    expect(words.getEntrySync('e')).toEqual({ value: 'two', seq });
    expect(await words.getEntry('e')).toEqual({ value: 'two', seq });
    const chained = words.batch().put('f', 'four').put('g', 'one');
    await chained.commit();
    expect(words.keysSync().nextMany(9)).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
    await db.close();
  });
});
