import type { Socket } from 'node:net';
import { limits } from '../lib/limits.ts';
import { withoutTrailing } from '../lib/trailing.ts';

/**
 * Reads the heads of answers in HTTP/1 as Go's client does, which the runtimes pull with, and hands them to the parser in
 * the strict form that it wants. What Go takes and the parser refuses:
 *
 * - lines that end in LF alone, and values that go on in the next line (net/textproto reader.go: readLineSlice,
 *   readContinuedLineSlice);
 * - interim answers that nobody asked for, but not 101 (net/http transport.go: readResponse): five until Go 1.23, since
 *   then as many as their size allows;
 * - the same Content-Length more than once (net/http transfer.go: fixLength);
 * - Content-Length beside `Transfer-Encoding: chunked`, which decides (the same; with HEAD the length is kept).
 *
 * All else, with what Go refuses too (lengths that differ, garbage), goes on as it came, for the parser to judge. That is
 * safe in a client: each connection is its own, and carries one answer to one question at a time.
 */
export interface HeadReader {
  /** The next bytes are the answer to a request that is sent now. */
  expect(method: string): void;
}

/** The message of the error with which a connection ends that brings too many interim answers. */
export const tooManyInterim = `interim answers (1xx) of more than ${limits.headerBytes} bytes came, and no answer`;

/** Puts itself between a connection and the parser that reads from it. */
export function readHeadsAsGo(socket: Socket): HeadReader {
  let head: ReturnType<typeof headFilter> | null = null;
  const own: (size?: number) => unknown = socket.read.bind(socket);
  socket.read = (size?: number): unknown => {
    // Node asks for no bytes (0) to make the connection go on reading.
    if (size !== undefined) return own(size);
    for (;;) {
      const chunk = own();
      if (head === null || !Buffer.isBuffer(chunk)) return chunk;
      const passed = head(chunk);
      if (passed === 'too-many') {
        head = null;
        socket.destroy(new Error(tooManyInterim));
        return null;
      }
      if (passed === null) continue;
      head = null;
      return passed;
    }
  };
  return {
    expect(method) {
      head = headFilter(method);
    },
  };
}

/**
 * Takes the bytes of one answer as they come. Null: more are needed to know; bytes: what the parser gets in place of all
 * that came until now, after which nothing has to be held back any more.
 */
export function headFilter(method: string): (chunk: Buffer) => Buffer | 'too-many' | null {
  let held = Buffer.alloc(0);
  let interim = 0;
  let read = noLines();
  return (chunk) => {
    held = held.length === 0 ? Buffer.from(chunk) : Buffer.concat([held, chunk]);
    // Only the end of a line can change what is known, if it begins as an answer does.
    if (begins(held) && !chunk.includes(lf) && held.length <= limits.headerBytes) return null;
    for (;;) {
      const head = readHead(held, method, read);
      if (head === 'more' && held.length <= limits.headerBytes) return null;
      if (head === 'more' || head === 'strange') return held;
      const rest = held.subarray(head.length);
      if (!head.interim) return head.strict === null ? held : Buffer.concat([Buffer.from(head.strict, 'latin1'), rest]);
      interim += head.length;
      if (interim > limits.headerBytes) return 'too-many';
      held = rest;
      read = noLines();
    }
  };
}

const lf = 0x0a;
const start = Buffer.from('HTTP/1.');

/** True for the beginning of an answer, and for what may become one. */
function begins(bytes: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.subarray(0, length).equals(start.subarray(0, length));
}

interface Head {
  /** Bytes, with the empty line. */
  readonly length: number;
  readonly interim: boolean;
  /** The same in the strict form; null where it came so. */
  readonly strict: string | null;
}

/** How far a head is read: each line once, in however many pieces it comes. */
interface LinesRead {
  readonly lines: string[];
  /** One of them is not in the strict form. */
  odd: boolean;
  /** Bytes; where the next line begins. */
  from: number;
}

function noLines(): LinesRead {
  return { lines: [], odd: false, from: 0 };
}

/** Goes on where `read` stands. `strange`: nothing that could be put into another form. */
function readHead(bytes: Buffer, method: string, read: LinesRead): Head | 'more' | 'strange' {
  if (!begins(bytes)) return 'strange';
  const { lines } = read;
  for (;;) {
    const end = bytes.indexOf(lf, read.from);
    if (end === -1) return 'more';
    const carriage = end > read.from && bytes[end - 1] === 0x0d;
    const line = bytes.toString('latin1', read.from, carriage ? end - 1 : end);
    read.odd ||= !carriage;
    read.from = end + 1;
    if (line === '' && lines.length > 0) break;
    const folded = /^[ \t]/u.test(line);
    const last = lines.length - 1;
    if (lines.length === 0 ? !statusLine.test(line) : folded ? last === 0 : !line.includes(':')) return 'strange';
    if (folded) {
      lines[last] = `${trimmed(lines[last] ?? '')} ${trimmed(line)}`;
      read.odd = true;
    } else {
      lines.push(line);
    }
  }
  const [first = '', ...fields] = lines;
  const kept = settleLength(first, fields, method);
  const strict = read.odd || kept.length < fields.length ? `${[first, ...kept].join('\r\n')}\r\n\r\n` : null;
  return { length: read.from, interim: / 1(?!01)\d\d(?: |$)/u.test(first.slice(8, 13)), strict };
}

const statusLine = /^HTTP\/1\.[01] [1-9]\d\d(?: |$)/u;

/** The header lines without the lengths that say nothing new; all of them where they contradict each other. */
function settleLength(first: string, fields: readonly string[], method: string): readonly string[] {
  const valuesOf = (name: string) => fields.filter((field) => nameOf(field) === name).map(valueIn);
  const [length, ...others] = valuesOf('content-length');
  if (length === undefined || !/^\d{1,18}$/u.test(length) || others.some((other) => other !== length)) return fields;
  const codings = valuesOf('transfer-encoding');
  const chunked = codings.length === 1 && codings[0]?.toLowerCase() === 'chunked' && first.startsWith('HTTP/1.1');
  if (chunked && method !== 'HEAD') return fields.filter((field) => nameOf(field) !== 'content-length');
  const only = fields.findIndex((field) => nameOf(field) === 'content-length');
  return fields.filter((field, index) => {
    const name = nameOf(field);
    return name === 'content-length' ? index === only : !(chunked && name === 'transfer-encoding');
  });
}

function nameOf(field: string): string {
  return field.slice(0, field.indexOf(':')).toLowerCase();
}

function valueIn(field: string): string {
  return trimmed(field.slice(field.indexOf(':') + 1));
}

function trimmed(text: string): string {
  return withoutTrailing(text.replace(/^[ \t]+/u, ''), ' \t');
}
