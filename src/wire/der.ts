/**
 * Just enough DER (X.690) to read certificates: definite lengths, one-byte tags. Every function answers null, never
 * throws, for bytes that are not what they should be; nothing is read outside the given buffer.
 */

/** One value: its tag byte, its content, and both with the header. Views of the input, not copies. */
export interface DerValue {
  readonly tag: number;
  readonly content: Buffer;
  readonly whole: Buffer;
}

/** Tag bytes that certificates use. */
export const derTag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectId: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  t61String: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** The value that starts at `offset`. */
export function readDer(bytes: Buffer, offset = 0): DerValue | null {
  const tag = bytes[offset];
  const first = bytes[offset + 1];
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) return null;
  let start = offset + 2;
  let length = first;
  if (first >= 0x80) {
    const count = first & 0x7f;
    // Three length bytes are 16 MiB, more than any certificate; zero means an indefinite length, which DER forbids.
    if (count === 0 || count > 3 || start + count > bytes.length) return null;
    length = bytes.readUIntBE(start, count);
    start += count;
  }
  const end = start + length;
  if (end > bytes.length) return null;
  return { tag, content: bytes.subarray(start, end), whole: bytes.subarray(offset, end) };
}

/** The values inside a constructed one, at most `max`; null when they do not fill it exactly. */
export function derChildren(value: DerValue, max = 1000): DerValue[] | null {
  const found: DerValue[] = [];
  let offset = 0;
  while (offset < value.content.length) {
    const child = readDer(value.content, offset);
    if (child === null || found.length >= max) return null;
    found.push(child);
    offset += child.whole.length;
  }
  return found;
}

/** The values inside when `bytes` are exactly one SEQUENCE. */
export function derSequence(bytes: Buffer, max?: number): DerValue[] | null {
  const value = readDer(bytes);
  if (value === null || value.tag !== derTag.sequence || value.whole.length !== bytes.length) return null;
  return derChildren(value, max);
}

/** An object identifier as `1.2.840…`. */
export function derObjectId(value: DerValue | undefined): string | null {
  if (value?.tag !== derTag.objectId || value.content.length === 0 || value.content.length > 64) return null;
  const parts: number[] = [];
  let at = 0;
  for (const byte of value.content) {
    at = at * 128 + (byte & 0x7f);
    if (at > Number.MAX_SAFE_INTEGER / 128) return null;
    if ((byte & 0x80) === 0) {
      parts.push(at);
      at = 0;
    }
  }
  const [first = 0, ...rest] = parts;
  const root = Math.min(2, Math.floor(first / 40));
  return [root, first - root * 40, ...rest].join('.');
}

/** A small non-negative INTEGER. */
export function derSmallInteger(value: DerValue | undefined): number | null {
  if (value?.tag !== derTag.integer || value.content.length === 0 || value.content.length > 4) return null;
  const number = value.content.readIntBE(0, value.content.length);
  return number < 0 ? null : number;
}

/** UTCTime or GeneralizedTime as RFC 5280 section 4.1.2.5 wants them, in epoch milliseconds. */
export function derTime(value: DerValue | undefined): number | null {
  if (value === undefined) return null;
  const text = value.content.toString('latin1');
  let digits: string;
  if (value.tag === derTag.utcTime && /^\d{12}Z$/.test(text)) {
    digits = (Number(text.slice(0, 2)) >= 50 ? '19' : '20') + text;
  } else if (value.tag === derTag.generalizedTime && /^\d{14}Z$/.test(text)) {
    digits = text;
  } else {
    return null;
  }
  const iso = digits.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
  const ms = Date.parse(iso);
  return Number.isNaN(ms) ? null : ms;
}

/** A character string of a name; control characters become spaces, for it is shown to people. */
export function derText(value: DerValue): string {
  let text: string;
  switch (value.tag) {
    case derTag.utf8String:
      text = value.content.toString('utf8');
      break;
    case derTag.bmpString:
      text = Buffer.from(value.content.subarray(0, value.content.length & ~1))
        .swap16()
        .toString('utf16le');
      break;
    default:
      text = value.content.toString('latin1');
  }
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
}
