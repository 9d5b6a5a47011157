import type { Prng } from '../../src/base/prng.js';
import type { Database, Encoding, Keyspace, TypedKeyspaceOptions } from '../../src/index.js';
import type { KeyEncoding, ValueEncoding } from '../../src/index.js';
import type { State } from './model.js';

/** A kind of encodings, and how the model's bytes go through it and back. Keys keep their order. */
export interface Form {
  readonly keyEncoding: KeyEncoding;
  readonly valueEncoding: ValueEncoding;
  readonly keyIn: (key: Uint8Array) => unknown;
  readonly keyOut: (key: unknown) => Uint8Array;
  readonly valueIn: (value: Uint8Array) => unknown;
  readonly valueOut: (value: unknown) => Uint8Array;
  /** Prefixes are bytes as they are stored. */
  readonly prefixIn: (prefix: Uint8Array) => string | Uint8Array;
}

const same = (bytes: unknown): Uint8Array => bytes as Uint8Array;
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const fromHex = (text: unknown): Uint8Array => Buffer.from(text as string, 'hex');

const boxed: Encoding<{ readonly bytes: Uint8Array }> = {
  name: 'boxed',
  encode: ({ bytes }) => bytes,
  decode: (bytes) => ({ bytes }),
};

const backwards: Encoding<Uint8Array> = {
  name: 'backwards',
  encode: (bytes) => bytes.toReversed(),
  decode: (bytes) => bytes.reverse(),
};

const toBox = (bytes: Uint8Array): unknown => ({ bytes });
const fromBox = (box: unknown): Uint8Array => (box as { bytes: Uint8Array }).bytes;

export const plainForm: Form = {
  keyEncoding: 'view',
  valueEncoding: 'view',
  keyIn: same,
  keyOut: same,
  valueIn: same,
  valueOut: same,
  prefixIn: same,
};

const forms: readonly Form[] = [
  plainForm,
  plainForm,
  { ...plainForm, keyEncoding: boxed, keyIn: toBox, keyOut: fromBox, valueEncoding: backwards },
  {
    keyEncoding: 'utf8',
    valueEncoding: 'json',
    keyIn: toHex,
    keyOut: fromHex,
    valueIn: (bytes) => [Buffer.from(bytes).toString('latin1')],
    valueOut: (list) => Buffer.from((list as string[])[0], 'latin1'),
    prefixIn: toHex,
  },
];

export function randomForm(random: Prng): Form {
  return forms[random.below(forms.length)];
}

/** A keyspace of the database, and what the model knows of it. */
export class Place {
  readonly name: string;
  readonly form: Form;
  readonly state: State;
  /** Of the newest write to each key. */
  readonly seqs: Float64Array;
  /** Another one after each opening. */
  keyspace!: Keyspace<unknown, unknown>;

  constructor(name: string, form: Form, size: number) {
    this.name = name;
    this.form = form;
    this.state = new Int32Array(size);
    this.seqs = new Float64Array(size);
  }

  /** Gets the keyspace, or makes it. */
  async open(db: Database, settings: TypedKeyspaceOptions<undefined, undefined>): Promise<void> {
    const { keyEncoding, valueEncoding } = this.form;
    this.keyspace = await db.keyspace(this.name, { ...settings, keyEncoding, valueEncoding });
  }
}
