import { describe, expect, it } from 'vitest';
import { Emitter } from './events.js';

interface Events {
  readonly done: { readonly count: number };
}

describe('Emitter', () => {
  it('calls listeners in order, until they are taken back', () => {
    const emitter = new Emitter<Events>();
    const heard: string[] = [];
    const first = ({ count }: Events['done']): number => heard.push(`first ${count}`);
    emitter.on('done', first);
    const stop = emitter.on('done', ({ count }) => heard.push(`second ${count}`));
    emitter.emit('done', () => ({ count: 1 }));
    emitter.off('done', first);
    emitter.emit('done', () => ({ count: 2 }));
    stop();
    emitter.emit('done', () => ({ count: 3 }));
    expect(heard).toEqual(['first 1', 'second 1', 'second 2']);
  });

  it('makes no payload that nobody hears', () => {
    const emitter = new Emitter<Events>();
    const stop = emitter.on('done', () => undefined);
    stop();
    emitter.emit('done', () => {
      throw new Error('made for nobody');
    });
  });

  it('keeps what a listener throws from who emits, and from the other listeners', () => {
    const errors: unknown[] = [];
    const emitter = new Emitter<Events>((error) => errors.push(error));
    const mistake = new Error('a mistake');
    const heard: number[] = [];
    emitter.on('done', () => {
      throw mistake;
    });
    emitter.on('done', ({ count }) => heard.push(count));
    emitter.emit('done', () => ({ count: 1 }));
    expect(heard).toEqual([1]);
    expect(errors).toEqual([mistake]);
  });
});
