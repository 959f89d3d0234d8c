import {
  arrayMember,
  isRecord,
  type JsonRecord,
  numberMember,
  parseJson,
  recordMember,
  stringMember,
} from '../lib/json.ts';
import { limits } from '../lib/limits.ts';
import { decodeEntities, looksLikeHtml, readPage } from '../lib/page-text.ts';
import { safeLine } from '../lib/redact.ts';

/** One error as the registry tells it. All texts are single lines, clipped, with secrets masked. */
export interface RegistryErrorEntry {
  /** `MANIFEST_UNKNOWN`, `DENIED`, S3's `AccessDenied`, OAuth's `invalid_grant`, …, as sent. */
  readonly code: string | null;
  readonly message: string;
  readonly detail: string | null;
}

/** What an answer's body says about a failure. */
export interface RegistryErrors {
  /**
   * `oci`: the distribution protocol's `errors` array. `json`: another object of JSON (cloud APIs, OAuth, problem
   * documents). `xml`: an object store's error (S3, GCS, Azure). `html`: a page: a portal, a gateway, a proxy.
   */
  readonly format: 'oci' | 'json' | 'xml' | 'html' | 'text' | 'empty';
  readonly errors: readonly RegistryErrorEntry[];
  /** The page's title. */
  readonly title: string | null;
  /** The beginning of what a reader would see; null for an empty body and where `errors` says it all. */
  readonly excerpt: string | null;
}

/** Errors kept of one body; registries send one, aggregating ones a few. */
const maxErrors = 10;
const maxCode = 80;
const maxDetail = 500;
const maxExcerpt = 300;

const empty: RegistryErrors = { format: 'empty', errors: [], title: null, excerpt: null };

/**
 * Reads an error body of any registry, token service, gateway or object store. Never fails: what is not understood
 * becomes a `text`. Only the first 64 KiB count (limits.errorBodyBytes).
 */
export function readRegistryErrors(body: Uint8Array): RegistryErrors {
  const text = new TextDecoder().decode(body.subarray(0, limits.errorBodyBytes)).trim();
  if (text === '') return empty;
  if (text.startsWith('{') || text.startsWith('[')) {
    const value = parseJson(text);
    if (value !== undefined) return readJson(value, text);
  }
  if (text.startsWith('<')) return looksLikeHtml(text) ? readHtml(text) : readXml(text);
  if (looksLikeHtml(text)) return readHtml(text);
  const value = text.startsWith('"') ? parseJson(text) : undefined;
  return textual(typeof value === 'string' ? value : text);
}

/** True when one of the errors has this code, in any case. */
export function hasErrorCode(errors: RegistryErrors, code: string): boolean {
  return errors.errors.some((entry) => entry.code?.toUpperCase() === code.toUpperCase());
}

/** The errors in one line: `DENIED: requested access to the resource is denied`; null when the body says nothing. */
export function describeErrors(errors: RegistryErrors): string | null {
  const first = errors.errors[0];
  if (first === undefined) return errors.title ?? errors.excerpt;
  if (first.code === null) return first.message;
  return first.message === '' || first.message === first.code ? first.code : `${first.code}: ${first.message}`;
}

function readJson(value: unknown, text: string): RegistryErrors {
  if (Array.isArray(value)) {
    const errors = value.slice(0, maxErrors).flatMap((entry) => readEntry(entry) ?? []);
    return errors.length > 0 ? { format: 'json', errors, title: null, excerpt: null } : textual(text, 'json');
  }
  if (!isRecord(value)) return textual(text, 'json');

  const list = arrayMember(value, 'errors');
  if (list !== null) {
    const errors = list.slice(0, maxErrors).flatMap((entry) => readEntry(entry) ?? []);
    if (errors.length > 0) {
      // Artifactory's own `errors` have a status instead of a code; only the protocol's carry a word.
      const format = errors.some((entry) => entry.code !== null) ? 'oci' : 'json';
      return { format, errors, title: null, excerpt: null };
    }
  }
  // Google's APIs wrap theirs: {"error": {"code": 403, "message": …, "status": "PERMISSION_DENIED"}}.
  const wrapped = recordMember(value, 'error') ?? recordMember(value, 'Error');
  const entry = readEntry(wrapped ?? value);
  if (entry === null) return textual(text, 'json');
  return { format: 'json', errors: [entry], title: null, excerpt: null };
}

/** One error object in any of its known spellings, or a bare string. */
function readEntry(value: unknown): RegistryErrorEntry | null {
  if (typeof value === 'string') return { code: null, message: safeLine(value, limits.messageChars), detail: null };
  if (!isRecord(value)) return null;
  const code = wordOf(value, ['code', 'errorCode', 'Code', 'error', 'status', '__type', 'error_type']);
  const message =
    // Docker Hub's token service says "details", problem documents "detail" and "title", OAuth "error_description".
    textOf(value, ['message', 'Message', 'error_description', 'error_message', 'errorMessage', 'msg', 'details']) ??
    (Object.hasOwn(value, 'message') ? null : textOf(value, ['detail', 'title', 'reason']));
  const detail = Object.hasOwn(value, 'detail') ? describeValue(value.detail) : null;
  if (code === null && message === null) return null;
  const sentence = message ?? code ?? '';
  return {
    code: code === null ? null : safeLine(code, maxCode),
    message: safeLine(sentence, limits.messageChars),
    detail: detail === null || detail === sentence ? null : safeLine(detail, maxDetail),
  };
}

/** A code is a word. A number (an HTTP status repeated) or a sentence in its place is not one. */
function wordOf(record: JsonRecord, names: readonly string[]): string | null {
  for (const name of names) {
    const value = stringMember(record, name);
    if (value !== null && /^[\w.:#/-]{1,80}$/u.test(value) && !/^\d+$/u.test(value)) return value;
  }
  return null;
}

function textOf(record: JsonRecord, names: readonly string[]): string | null {
  for (const name of names) {
    const value = stringMember(record, name);
    if (value !== null && value.trim() !== '') return value;
  }
  // GitLab and OAuth put a whole sentence into `error`.
  const error = stringMember(record, 'error');
  if (error?.includes(' ')) return error;
  const status = numberMember(record, 'status') ?? numberMember(record, 'code');
  return status !== null && names.includes('message') && Object.keys(record).length === 1 ? `status ${status}` : null;
}

/** A `detail` of any type, as text; nested values only as deep as a person reads. */
function describeValue(value: unknown, depth = 0): string | null {
  if (value === null || value === undefined || value === '') return null;
  if (typeof value === 'string') return value.slice(0, limits.messageChars);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (depth >= 3) return '…';
  if (Array.isArray(value)) {
    const parts = value.slice(0, 10).flatMap((item) => describeValue(item, depth + 1) ?? []);
    return parts.length === 0 ? null : parts.join(', ');
  }
  if (!isRecord(value)) return null;
  const parts = Object.entries(value)
    .slice(0, 10)
    .flatMap(([key, member]) => {
      const said = describeValue(member, depth + 1);
      return said === null ? [] : `${key.slice(0, maxCode)}: ${said}`;
    });
  return parts.length === 0 ? null : parts.join(', ');
}

function readHtml(text: string): RegistryErrors {
  return { format: 'html', errors: [], ...readPage(text, maxExcerpt) };
}

/** S3, GCS and Azure blob storage: `<Error><Code>…</Code><Message>…</Message></Error>`. */
function readXml(text: string): RegistryErrors {
  const element = (name: string) => {
    const found = new RegExp(`<${name}>([^<]{0,4000})</${name}>`, 'u').exec(text)?.[1];
    return found === undefined ? null : decodeEntities(found);
  };
  const code = element('Code');
  const message = element('Message');
  if (code === null && message === null) return textual(text);
  const detail = element('AuthenticationErrorDetail') ?? element('Details') ?? element('ServerTime');
  return {
    format: 'xml',
    errors: [
      {
        code: code === null ? null : safeLine(code, maxCode),
        message: safeLine(message ?? code ?? '', limits.messageChars),
        detail: detail === null ? null : safeLine(detail, maxDetail),
      },
    ],
    title: null,
    excerpt: null,
  };
}

function textual(text: string, format: 'text' | 'json' = 'text'): RegistryErrors {
  const line = safeLine(text, maxExcerpt);
  if (line === '') return empty;
  return {
    format,
    errors: format === 'text' ? [{ code: null, message: line, detail: null }] : [],
    title: null,
    excerpt: line,
  };
}
