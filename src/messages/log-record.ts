import { limits } from '../lib/limits.ts';
import { lookUp } from '../lib/look-up.ts';
import { readQuoted } from './log-line.ts';

/** How grave the program itself says it is. */
export type Severity = 'trace' | 'debug' | 'info' | 'warning' | 'error' | 'fatal';

/** A log line in its parts, as the program wrote it: nothing is interpreted yet. */
export interface LogRecord {
  /** `text` is a line that has none of the forms known. */
  readonly form: 'klog' | 'logfmt' | 'json' | 'text';
  readonly severity: Severity | null;
  /** The time as the line has it: klog's has no year and no zone. */
  readonly time: string | null;
  /** File and line in the program's source, `remote_image.go:250`. */
  readonly caller: string | null;
  /** The message without its fields, one level of quoting taken off. */
  readonly message: string;
  /** The fields, each with one level of quoting taken off; what is not text in JSON is written as JSON. */
  readonly fields: ReadonlyMap<string, string>;
}

/**
 * klog's header, from its first version to now (k8s.io/klog, formatHeader): severity, month and day, time, thread id,
 * file and line. It may stand behind what journalctl, a container log or a viewer put in front.
 */
const klogHeader = /([IWEF])(\d{4} \d\d:\d\d:\d\d(?:\.\d{1,9})?) {1,9}(\d{1,9}) ([\w.\-/]{1,200}:\d{1,7})\] /g;
/** logrus's text form, as containerd, CRI-O and dockerd write it to the journal. */
const logrusStart = /(?:^|[\s:])(?=time=(?:"[^"]{1,64}"|\S{1,64}) level=)/;
/** How far into a line its own form may start. */
const prefixChars = 256;

const letters: Readonly<Record<string, Severity>> = { I: 'info', W: 'warning', E: 'error', F: 'fatal' };
const words: Readonly<Record<string, Severity>> = {
  trace: 'trace',
  debug: 'debug',
  info: 'info',
  warn: 'warning',
  warning: 'warning',
  error: 'error',
  fatal: 'fatal',
  panic: 'fatal',
};
const messageKeys = ['msg', 'message', 'MESSAGE', 'log'];
const timeKeys = ['ts', 'time', 'timestamp'];

/**
 * Takes a line of the kubelet, containerd, CRI-O or dockerd apart: klog's text (with a plain message, or since 1.21 with
 * a quoted one and fields), klog's JSON, logrus's `time=… level=… msg=…`, Talos' and other JSON, and all of these inside
 * the JSON of a container's log file or of journalctl. Any other line is a message without fields.
 */
export function readLogRecord(line: string): LogRecord {
  return readRecord(line.length > limits.explainedChars ? line.slice(0, limits.explainedChars) : line, 0);
}

function readRecord(line: string, depth: number): LogRecord {
  const start = line.slice(0, prefixChars);
  klogHeader.lastIndex = 0;
  const klog = klogHeader.exec(start);
  const brace = start.indexOf('{');
  if (brace >= 0 && (klog === null || klog.index > brace) && depth < 3) {
    const json = readJson(line.slice(brace), depth);
    if (json !== null) return json;
  }
  if (klog !== null) return readKlog(line.slice(klogHeader.lastIndex), klog);
  const logrus = logrusStart.exec(start);
  if (logrus !== null) return readLogfmt(line.slice(logrus.index + logrus[0].length));
  return { form: 'text', severity: null, time: null, caller: null, message: line.trim(), fields: new Map() };
}

function readKlog(body: string, header: RegExpExecArray): LogRecord {
  const [, letter = '', time = '', , caller = ''] = header;
  const quoted = readQuoted(body, 0);
  // A message that begins with a quotation mark but goes on behind it is a plain one: `"x" is not ready`.
  const structured =
    quoted !== null && /^(?:$| [A-Za-z_][\w.]*=)/.test(body.slice(quoted.end, quoted.end + 80).trimEnd());
  return {
    form: 'klog',
    severity: letters[letter] ?? null,
    time,
    caller,
    message: structured ? quoted.value : body.trim(),
    fields: structured ? readPairs(body, quoted.end) : new Map(),
  };
}

function readLogfmt(body: string): LogRecord {
  const fields = readPairs(body, 0);
  const take = (key: string) => {
    const value = fields.get(key) ?? null;
    fields.delete(key);
    return value;
  };
  const level = take('level');
  const time = take('time');
  return {
    form: 'logfmt',
    severity: lookUp(words, level) ?? null,
    time,
    caller: fields.get('file') ?? null,
    message: take('msg') ?? '',
    fields,
  };
}

/**
 * `key=value key="quoted value" …` from `start` on. A value that is cut off runs to the end; an unquoted one to the next
 * space; what is no pair is passed over.
 */
function readPairs(text: string, start: number): Map<string, string> {
  const fields = new Map<string, string>();
  const key = / *([A-Za-z_][\w./-]{0,99})=/y;
  let at = start;
  while (at < text.length) {
    key.lastIndex = at;
    const name = key.exec(text)?.[1];
    if (name === undefined) {
      const space = text.indexOf(' ', at + 1);
      if (space < 0) break;
      at = space;
      continue;
    }
    at = key.lastIndex;
    const quoted = readQuoted(text, at);
    if (quoted !== null) {
      fields.set(name, quoted.value);
      at = quoted.end;
    } else if (text[at] === '"') {
      fields.set(name, text.slice(at + 1));
      break;
    } else {
      const space = text.indexOf(' ', at);
      const end = space < 0 ? text.length : space;
      fields.set(name, text.slice(at, end));
      at = end;
    }
  }
  return fields;
}

/** JSON of klog, Talos, a container's log file or journalctl; null when it is no such line. */
function readJson(text: string, depth: number): LogRecord | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return null;
  const fields = new Map<string, string>();
  for (const [name, value] of Object.entries(parsed)) fields.set(name, textOf(value));
  const take = (keys: readonly string[]) => {
    for (const key of keys) {
      const value = fields.get(key);
      if (value === undefined) continue;
      fields.delete(key);
      return value;
    }
    return null;
  };
  const message = take(messageKeys);
  const time = take(timeKeys);
  if (message === null) return null;
  const inner = readRecord(message, depth + 1);
  if (inner.form !== 'text') return { ...inner, time: inner.time ?? time };
  const level = take(['level', 'severity'])?.toLowerCase() ?? null;
  return {
    form: 'json',
    // klog's JSON has no word for it: what has a verbosity is information, the rest is an error (component-base, json.go).
    severity:
      level !== null ? (lookUp(words, level) ?? null) : fields.has('v') ? 'info' : fields.has('err') ? 'error' : null,
    time,
    caller: take(['caller']),
    message: inner.message,
    fields,
  };
}

/** A JSON value as text; a Kubernetes object's name as the kubelet writes it elsewhere, `namespace/name`. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string') {
    const namespace = 'namespace' in value && typeof value.namespace === 'string' ? value.namespace : '';
    return namespace === '' ? value.name : `${namespace}/${value.name}`;
  }
  return JSON.stringify(value) ?? '';
}

/** Which pod and container a line is about; null where it does not say. */
export interface PodPlace {
  readonly namespace: string | null;
  readonly pod: string | null;
  readonly container: string | null;
}

/** A name of Kubernetes: a DNS label or subdomain. */
const name = '[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?';
const slashed = new RegExp(`^(${name})/(${name})$`);
/** Of text made for people, `auth-basic_ctrd17(a737f94f-…)`: the part from the underscore on, and the part before. */
const afterPod = /_([a-z0-9][-a-z0-9]{0,62})\(/g;
const beforeNamespace = /[a-z0-9][-a-z0-9.]{0,252}$/;
const starting = /failed to \\*"StartContainer\\*" for \\*"([a-z0-9][-a-z0-9]{0,62})\\*"/;
const failing = /\bcontainer ([a-z0-9][-a-z0-9]{0,62}) start failed in pod /;
const dumped = /\bcontainer &(?:v1\.)?Container\{Name:([a-z0-9][-a-z0-9]{0,62}),/;

/** Reads the pod and the container out of a kubelet's or a runtime's line. */
export function podOf({ message, fields }: LogRecord): PodPlace {
  const said = `${message} ${fields.get('err') ?? fields.get('error') ?? ''}`;
  const byField = slashed.exec(fields.get('pod') ?? '');
  const byText = byField === null ? nameInText(said) : null;
  return {
    namespace: byField?.[1] ?? byText?.namespace ?? fields.get('io.kubernetes.pod.namespace') ?? null,
    pod: byField?.[2] ?? byText?.pod ?? fields.get('io.kubernetes.pod.name') ?? null,
    container:
      fields.get('containerName') ??
      starting.exec(said)?.[1] ??
      failing.exec(said)?.[1] ??
      dumped.exec(said)?.[1] ??
      null,
  };
}

/** The first `pod_namespace(` of a text. Looked for from its middle, where there is least to try. */
function nameInText(text: string): { readonly pod: string; readonly namespace: string } | null {
  for (const match of text.matchAll(afterPod)) {
    if (!/[a-z0-9]/.test(text[match.index - 1] ?? '')) continue;
    const pod = beforeNamespace.exec(text.slice(Math.max(0, match.index - 253), match.index))?.[0];
    if (pod !== undefined && match[1] !== undefined) return { pod, namespace: match[1] };
  }
  return null;
}
