// What the child writes and the test expects: a text per key and per value number.

const filler = 'abcdefghijklmnopqrstuvwxyz0123456789 '.repeat(300);

/** The key number `key`; some share a long beginning. */
export function keyText(key) {
  return key % 5 === 0 ? `${'a long beginning '.repeat(4)}${key}` : `key ${key}`;
}

export function keyNumber(text) {
  const key = Number(text.slice(text.lastIndexOf(' ') + 1));
  if (keyText(key) !== text) throw new Error(`a key that was never written: ${text}`);
  return key;
}

/** The value number `number`: mostly some hundred characters, now and then some thousand. */
export function valueText(number) {
  const mixed = Math.imul(number, 0x9e37_79b1) >>> 0;
  const length = mixed % 8 === 0 ? 3000 + ((mixed >>> 4) % 6000) : (mixed >>> 4) % 300;
  const at = mixed % 37;
  return `${number}:${filler.slice(at, at + length)}`;
}

export function valueNumber(text) {
  const number = Number.parseInt(text, 10);
  if (valueText(number) !== text) throw new Error(`a value that was never written: ${text}`);
  return number;
}
