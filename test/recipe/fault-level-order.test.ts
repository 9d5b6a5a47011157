import { describe, expect, it } from 'vitest';
import { Engine } from './engine.js';

describe('fault: reading L0 in the wrong age order', () => {
  it('the newest of four tables answers, in this session and the next', async () => {
    const engine = await Engine.open();
    for (let i = 1; i <= 4; i++) await engine.flush({ k: `${i}` });
    for (let session = 0; session < 3; session++) {
      expect(engine.shape).toEqual([4]);
      expect(engine.db.getSync('k')).toBe('4');
      expect(await engine.db.get('k')).toBe('4');
      expect([...engine.db.entriesSync()]).toEqual([['k', '4']]);
      expect([...engine.db.entriesSync({ reverse: true })]).toEqual([['k', '4']]);
      await engine.reopen();
    }
    await engine.close();
  });

  it('each prefix of the writes is what a snapshot of that moment sees', async () => {
    const engine = await Engine.open();
    const snapshots = [];
    for (let i = 1; i <= 4; i++) {
      await engine.flush({ k: `${i}` });
      snapshots.push(engine.db.snapshot());
    }
    const seen = snapshots.map((snapshot) => engine.db.getSync('k', { snapshot }));
    expect(seen).toEqual(['1', '2', '3', '4']);
    await engine.close();
  });
});

describe('fault: a newer L0 file that sinks below an older one', () => {
  it('small new tables under a wide old one never hide behind it', async () => {
    const engine = await Engine.open({ l0CompactionTrigger: 2 });
    // Whoever picks tables one by one, by size or by key, moves k alone and leaves the wide one.
    for (let round = 0; round < 6; round++) {
      await engine.flush({ a: `wide ${round}`, k: `wide ${round}`, z: `wide ${round}` });
      for (let i = 0; i < 4; i++) {
        const value = `new ${round} ${i}`;
        await engine.flush({ k: value });
        expect(engine.db.getSync('k')).toBe(value);
        await engine.settle();
        expect(engine.db.getSync('k')).toBe(value);
        expect([...engine.db.entriesSync({ prefix: 'k' })]).toEqual([['k', value]]);
      }
    }
    await engine.close();
  });

  it('nor when only its range is compacted by hand', async () => {
    const engine = await Engine.open();
    await engine.flush({ a: 'old', k: 'old', z: 'old' });
    await engine.flush({ k: 'new' });
    await engine.db.compactRange({ gte: 'k', lte: 'k' });
    await engine.settle();
    expect(engine.db.getSync('k')).toBe('new');
    expect([...engine.db.entriesSync()]).toEqual([
      ['a', 'old'],
      ['k', 'new'],
      ['z', 'old'],
    ]);
    await engine.close();
  });

  it('nor through chains of overlap: [a, f], [e, m], [l, z]', async () => {
    const engine = await Engine.open();
    await engine.flush({ a: '1', f: '1' });
    await engine.flush({ e: '2', f: '2', m: '2' });
    await engine.flush({ l: '3', m: '3', z: '3' });
    await engine.db.compactRange({ gte: 'l', lte: 'z' });
    await engine.settle();
    await engine.reopen();
    expect(engine.db.getManySync(['f', 'm'])).toEqual(['2', '3']);
    await engine.close();
  });
});
