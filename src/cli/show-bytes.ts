const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What a terminal would act on, or show elsewhere than where it stands. */
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Text from a file, safe to print: without control characters. */
export function showText(text: string): string {
  return text.replace(unsafe, (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`);
}

/**
 * Bytes for people: text in quotes where it is UTF-8, else hex with `0x` in
 * front; about `most` bytes of them, and how many there are.
 */
export function showBytes(bytes: Uint8Array, most: number): string {
  const isCut = bytes.length > most;
  const shown = isCut ? bytes.subarray(0, endOfCharacter(bytes, most)) : bytes;
  let text: string;
  try {
    text = showText(JSON.stringify(strictUtf8.decode(shown)));
  } catch {
    text = `0x${Buffer.from(shown).toString('hex')}`;
  }
  return isCut ? `${text}… (${bytes.length} bytes)` : text;
}

/** The last place up to `at` where no UTF-8 character is cut in two. */
function endOfCharacter(bytes: Uint8Array, at: number): number {
  let end = at;
  while (end > at - 4 && end > 0 && (bytes[end] & 0xc0) === 0x80) end--;
  return end;
}
