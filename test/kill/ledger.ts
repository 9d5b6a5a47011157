/** Value numbers by key, of each keyspace that is there ('' is the default one). */
export type Content = ReadonlyMap<string, ReadonlyMap<number, number>>;

interface Write {
  readonly keyspace: string;
  readonly key: number;
  /** 0: deleted. */
  readonly value: number;
}

/** What the child did, in order: a batch, or a change of a keyspace that was begun. */
type Deed =
  | { readonly type: 'batch'; readonly writes: readonly Write[] }
  | { readonly type: 'make' | 'drop'; readonly keyspace: string; isDone: boolean };

/** Where the process was when it was killed. */
export interface Death {
  /** Begun and not ended. */
  readonly phase: 'start' | 'open' | 'load' | 'keyspace' | 'close' | 'closed';
  readonly flushes: number;
  readonly compactions: number;
}

/** What one process said before it was killed. */
export class Ledger {
  readonly deeds: Deed[] = [];
  /** Of all batches so far the first so many must be there, and how many acknowledgements said so. */
  floor = 0;
  acknowledged = 0;
  batches = 0;
  /** What it found when it opened the database; undefined when it did not come so far. */
  found: Content | undefined;
  death: Death = { phase: 'start', flushes: 0, compactions: 0 };

  /** @param lines - of one process; one that a kill has cut short counts as not written */
  constructor(text: string) {
    const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
    const tables = new Map<string, string>();
    for (const line of lines) {
      const [word, ...rest] = line.split(' ');
      if (word === 'table+') tables.set(rest[1], rest[0]);
      else if (word === 'table-') tables.delete(rest[0]);
      else this.#read(word, rest);
    }
    const kinds = [...tables.values()];
    const count = (kind: string): number => kinds.filter((found) => found === kind).length;
    this.death = {
      ...this.death,
      flushes: count('flush'),
      compactions: count('compaction'),
    };
  }

  #read(word: string, rest: readonly string[]): void {
    switch (word) {
      case 'open':
      case 'close':
      case 'closed':
        this.#enter(word);
        break;
      case 'load':
        this.#enter('load');
        this.found = decodeContent(rest.join(' '));
        break;
      case 'issue':
        this.batches++;
        this.deeds.push({ type: 'batch', writes: rest.slice(1).map(decodeWrite) });
        break;
      case 'ack':
        this.acknowledged++;
        this.floor = Math.max(this.floor, Number(rest[0]));
        break;
      case 'make':
      case 'drop':
        this.deeds.push({ type: word, keyspace: rest[0], isDone: false });
        this.#enter('keyspace');
        break;
      case 'made':
      case 'dropped': {
        const change = this.deeds.findLast(
          (deed) => deed.type !== 'batch' && deed.keyspace === rest[0],
        );
        if (change !== undefined && change.type !== 'batch') change.isDone = true;
        this.#enter('load');
        break;
      }
    }
  }

  #enter(phase: Death['phase']): void {
    this.death = { ...this.death, phase };
  }
}

function decodeWrite(word: string): Write {
  const [, keyspace, key, value] = /^([a-z]*):(\d+)=(\d+)$/.exec(word)!;
  return { keyspace, key: Number(key), value: Number(value) };
}

function decodeContent(json: string): Content {
  const keyspaces = Object.entries(JSON.parse(json) as Record<string, Record<string, number>>);
  return new Map(
    keyspaces.map(([name, values]) => [
      name,
      new Map(Object.entries(values).map(([key, value]) => [Number(key), value])),
    ]),
  );
}
