/** A line as some program logged it, taken apart. */
export interface LogLine {
  /** What it says: the message, and behind a colon its error where that is a field of its own. Still quoted inside. */
  readonly text: string;
  /** True when it has the form of a log line: it comes from a program that says many things. */
  readonly logged: boolean;
  /** Fields that name the image and the host, where the line has them (`image="…"`, `host=…`). */
  readonly image: string | null;
  readonly host: string | null;
}

/** `Nov 22 10:36:45 node kubelet[1]: `, the same with an RFC 3339 time, and the bare `kubelet[1]: `. */
const syslogPrefix =
  /^(?:(?:[A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d(?:\.\d+)?|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*) \S+ )?[\w.@/-]+(?:\[\d+\])?: (?=[IWEF]\d{4} |time=|\{|\w)/;
/** klog's header, `E1122 10:36:45.289431   24326 remote_image.go:250] `; MicroK8s and Talos cut or change the severity. */
const klogHeader = /^[IWEF]\d{4} \d\d:\d\d:\d\d(?:\.\d+)?\s+\d+ [\w.\-/]+:\d+\] /;
/** logrus on a terminal: `FATA[0003] `. */
const logrusTag = /^(?:PANI|FATA|ERRO|WARN|INFO|DEBU|TRAC)\[[^\]]*\] ?/;
/** Fields that end a klog line, where the line's beginning is cut off. */
const klogTail = /"?(?: (?:pod|podUID|image|logger|containerName|sandboxID|containerID)="[^"]{0,1000}"){1,9}\s*$/;

const textKeys = ['msg', 'message', 'MESSAGE', 'log'];
const errorKeys = ['err', 'error'];

/** Takes a line of the kubelet, containerd, CRI-O, dockerd or crictl apart; any other text comes back as it is. */
export function readLogLine(line: string): LogLine {
  const syslog = syslogPrefix.exec(line);
  const withPid = syslog !== null && (/\[\d+\]: $/.test(syslog[0]) || /^[A-Z\d].*\d\d:\d\d:\d\d/.test(syslog[0]));
  const rest = withPid ? line.slice(syslog[0].length) : line;

  const klog = klogHeader.exec(rest);
  if (klog !== null) return klogLine(rest.slice(klog[0].length));
  if (/^(?:time=(?:\S+|"[^"]*") )?level=\w+ \w+=|^time=(?:\S+|"[^"]*") level=/.test(rest))
    return fieldsLine(readFields(rest, 0), true);
  if (rest.startsWith('{')) {
    const fields = jsonFields(rest);
    if (fields !== null) return fieldsLine(fields, withPid || fields.has('ts') || fields.has('level'));
  }
  const bare = rest.replace(logrusTag, '');
  const tail = klogTail.exec(bare);
  if (tail === null || tail.index === 0) return { text: bare, logged: withPid, image: null, host: null };
  return { text: bare.slice(0, tail.index), logged: true, image: null, host: null };
}

function klogLine(body: string): LogLine {
  const message = readQuoted(body, 0);
  if (message === null) return { text: body, logged: true, image: null, host: null };
  const fields = readFields(body, message.end);
  fields.set('msg', message.value);
  return fieldsLine(fields, true);
}

function fieldsLine(fields: ReadonlyMap<string, string>, logged: boolean): LogLine {
  const message = first(fields, textKeys);
  const error = first(fields, errorKeys);
  const parts = [message, error].filter((part) => part !== null);
  return {
    text: parts.join(': '),
    logged,
    image: fields.get('image') || null,
    host: fields.get('host') ?? null,
  };
}

function first(fields: ReadonlyMap<string, string>, keys: readonly string[]): string | null {
  for (const key of keys) {
    const value = fields.get(key);
    if (value !== undefined && value !== '') return value;
  }
  return null;
}

/** `key=value key="quoted value" …` from `start` on, as klog and logfmt write it. A value that is cut off runs to the end. */
function readFields(text: string, start: number): Map<string, string> {
  const fields = new Map<string, string>();
  const key = /\s*([A-Za-z_][\w.]*)=/y;
  let at = start;
  while (at < text.length) {
    key.lastIndex = at;
    const name = key.exec(text)?.[1];
    if (name === undefined) {
      // Something that is no field: go on behind the next space.
      const space = text.indexOf(' ', at + 1);
      if (space === -1) break;
      at = space;
      continue;
    }
    at = key.lastIndex;
    if (text[at] === '"') {
      const quoted = readQuoted(text, at);
      const value = quoted === null || endsField(text, quoted.end) ? quoted : readUnescaped(text, at);
      fields.set(name, value === null ? text.slice(at + 1) : value.value);
      at = value === null ? text.length : value.end;
    } else {
      const space = text.indexOf(' ', at);
      const end = space === -1 ? text.length : space;
      fields.set(name, text.slice(at, end));
      at = end;
    }
  }
  return fields;
}

function endsField(text: string, end: number): boolean {
  return end >= text.length || /\s/.test(text[end] ?? '');
}

/** A field whose inner quotation marks lost their backslashes, as pages lose them: it ends where the next field begins. */
function readUnescaped(text: string, start: number): { value: string; end: number } | null {
  const close = /"(?= [A-Za-z_][\w.]{0,99}=|\s*$)/g;
  close.lastIndex = start + 1;
  const found = close.exec(text);
  return found === null ? null : { value: text.slice(start + 1, found.index), end: found.index + 1 };
}

function jsonFields(text: string): Map<string, string> | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof parsed !== 'object' || parsed === null) return null;
  const fields = new Map<string, string>();
  for (const [name, value] of Object.entries(parsed)) if (typeof value === 'string') fields.set(name, value);
  return first(fields, [...textKeys, ...errorKeys]) === null ? null : fields;
}

/**
 * The Go-quoted text that starts at `start`, with one level of quoting taken off, and where it ends. Null when nothing
 * quoted starts there or it does not end.
 */
export function readQuoted(text: string, start: number): { value: string; end: number } | null {
  if (text[start] !== '"') return null;
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return { value: unquoteOnce(text.slice(start + 1, at)), end: at + 1 };
  }
  return null;
}

/**
 * One level of Go quoting taken off. Only what every quoted text has is undone; `\x15` stays, for it belongs to the
 * error that shows the byte.
 */
export function unquoteOnce(text: string): string {
  return text.replace(/\\(["\\nrt])/g, (_, letter: string) => (letter === '"' || letter === '\\' ? letter : ' '));
}
