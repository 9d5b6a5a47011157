import { usage } from './failure.js';

/** How bytes are shown: as they are, or as hex or base64 digits. */
export const bytesFormats = ['text', 'hex', 'base64'] as const;
export type BytesFormat = (typeof bytesFormats)[number];

/**
 * Bytes of a key given on the command line: text, `hex:…`, `base64:…`,
 * or `text:…` for text that begins like one of these.
 */
export function parseKeyArgument(argument: string, what: string): Uint8Array {
  const [, prefix, digits] = /^(text|hex|base64):(.*)$/s.exec(argument) ?? [];
  switch (prefix) {
    case 'text':
      return Buffer.from(digits, 'utf8');
    case 'hex':
      if (!/^([0-9a-fA-F]{2})*$/.test(digits)) {
        throw usage(
          `${what} '${argument}' is not hex: give pairs of digits, or text:${argument} for the text itself`,
        );
      }
      return Buffer.from(digits, 'hex');
    case 'base64':
      if (!isBase64(digits)) {
        throw usage(
          `${what} '${argument}' is not base64: pad it with '=', or give text:${argument} for the text itself`,
        );
      }
      return Buffer.from(digits, 'base64');
    default:
      return Buffer.from(argument, 'utf8');
  }
}

export function isBase64(digits: string): boolean {
  return digits.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(digits);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function formatBytes(bytes: Uint8Array, format: BytesFormat): Uint8Array {
  return format === 'text' ? bytes : Buffer.from(asBuffer(bytes).toString(format), 'latin1');
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * A JSON member for `bytes`: `"key":"…"` for text, `"keyHex":"…"` and
 * `"keyBase64":"…"` for the others. Bytes that are no UTF-8 go as base64, so
 * that what is printed can always be loaded again.
 */
export function jsonMember(name: string, bytes: Uint8Array, format: BytesFormat): string {
  if (format === 'hex') return `"${name}Hex":"${asBuffer(bytes).toString('hex')}"`;
  if (format === 'text') {
    try {
      return `"${name}":${JSON.stringify(strictUtf8.decode(bytes))}`;
    } catch {
      // Not UTF-8.
    }
  }
  return `"${name}Base64":"${asBuffer(bytes).toString('base64')}"`;
}
