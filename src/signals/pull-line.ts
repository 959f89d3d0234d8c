import { limits } from '../lib/limits.ts';
import { safeLine } from '../lib/redact.ts';
import { type Explanation, explainMessage } from '../messages/explain.ts';
import { readQuoted } from '../messages/log-line.ts';
import { type LogRecord, podOf, readLogRecord } from '../messages/log-record.ts';
import type { PullEventKind, PullSource } from './pull-event.ts';
import { sourceOfUnit } from './units.ts';

/** A line of a journal or a log file. */
export interface SourceLine {
  readonly unit: string;
  readonly message: string;
  /** Microseconds since 1970. */
  readonly timeUs: number;
  readonly cursor: string | null;
}

/**
 * Which of the lines that are written about one thing this one is. One attempt has at most one of each, but for a
 * kubelet that tries several credentials: it has `service` and `runtime` once for each.
 */
export type Role =
  /** The runtime's own line. */
  | 'runtime'
  /** containerd gave a pull up that moved no bytes. */
  | 'watchdog'
  /** The runtime's line about the end of the call, beside one about the pull. */
  | 'returned'
  /** The kubelet's client of the runtime: `PullImage from image service failed`. */
  | 'service'
  /** `Failed to pull image`: only where no credentials were tried. */
  | 'image'
  /** `container … start failed in pod …`: the first that names the pod. */
  | 'container'
  /** `Error syncing pod, skipping`: when all containers of the pod were tried. */
  | 'sync'
  /** An event that the kubelet logs at higher verbosity. */
  | 'event';

/** What one line, or one part of a line, says about a pull. */
export interface PullLine extends SourceLine {
  readonly event: PullEventKind;
  readonly role: Role;
  readonly source: PullSource;
  readonly image: string | null;
  readonly pod: string | null;
  readonly namespace: string | null;
  readonly container: string | null;
  readonly explanation: Explanation | null;
  /** Of `mirror-tried`: the host that failed. */
  readonly host: string | null;
  /** CRI-O's id of the call, by which its lines belong together. */
  readonly call: string | null;
  /** `message` here is the error, or what was said: one line, without secrets, clipped. */
  readonly message: string;
}

/** A quick look that spares all other lines the work. */
const worth =
  /[Pp]ull|trying next host|ErrImage|InvalidImageName|ImageInspectError|RegistryUnavailable|SignatureValidationFailed|[Ss]andbox|ImageDelete|Remov(?:e|ing) ?[Ii]mage/;

/** Reasons for which the kubelet does not start a container because of its image (kubelet, pkg/kubelet/images/types.go). */
const imageReasons =
  /^(?:ErrImagePull|ErrImageNeverPull|ImageInspectError|InvalidImageName|RegistryUnavailable|SignatureValidationFailed)$/;

/** The line may be about a pull: then it takes the work of decoding. */
export function mayTellOfPull({ message }: SourceLine): boolean {
  return worth.test(message);
}

/** What a line says about pulls; most often nothing. The kubelet's line about a pod says one thing for each container. */
export function decodeLine(line: SourceLine): readonly PullLine[] {
  if (!worth.test(line.message)) return [];
  const { record, text } = innerRecord(line.message);
  for (const form of forms) {
    const match = form.pattern.exec(record.message);
    if (match !== null) return form.read({ line, record, text, match });
  }
  return [];
}

const nested = /^time=(?:"[^"]{1,64}"|\S{1,64}) level=\w{1,10} msg=(?=")/;

/** k0s logs its children's lines as messages of its own, with the child's name in `component`. */
function innerRecord(message: string): { readonly record: LogRecord; readonly text: string } {
  const head = message.includes(' component=') ? nested.exec(message) : null;
  const inner = head === null ? null : readQuoted(message, head[0].length);
  const text = inner !== null && readLogRecord(inner.value).form !== 'text' ? inner.value : message;
  return { record: readLogRecord(text), text };
}

interface Found {
  readonly line: SourceLine;
  readonly record: LogRecord;
  /** The line to explain. */
  readonly text: string;
  readonly match: RegExpExecArray;
}

interface Form {
  /** Of the record's message. */
  readonly pattern: RegExp;
  readonly read: (found: Found) => readonly PullLine[];
}

/** An image between quotes, or bare behind a colon. */
const quoted = '"(?<image>[^"]{1,512})"';

/** The forms of lines, by program; the first that fits. Sources: pull-facts, sections 2, 4 and 7, and CRI-O's server/image_pull.go. */
const forms: readonly Form[] = [
  // The kubelet.
  { pattern: /^PullImage (?:"[^"]*" )?from image service failed/, read: failed('service', 'kubelet') },
  { pattern: /^(?:Failed to pull image$|Pull image "[^"]*" failed: )/, read: failed('image', 'kubelet') },
  {
    pattern:
      /^Unhandled Error$|^(?:init |ephemeral )?container .{0,200}?start failed|^(?:init |ephemeral )?container &/,
    read: containerFailed,
  },
  { pattern: /^Error syncing pod\b/, read: syncFailed },
  { pattern: /^Event occurred$/, read: kubeletEvent },
  { pattern: /^Unable to retrieve pull secret/, read: said('other', 'event', 'kubelet') },
  { pattern: /^RunPodSandbox from runtime service failed/, read: sandboxFailed('service', 'kubelet') },
  { pattern: /^(?:Failed to create sandbox for pod|CreatePodSandbox for pod "[^"]*" failed)/, read: sandboxNamed },
  // containerd.
  { pattern: new RegExp(`^PullImage ${quoted}$`), read: said('pull-started', 'runtime', 'containerd') },
  { pattern: new RegExp(`^PullImage ${quoted} failed`), read: failed('runtime', 'containerd') },
  {
    pattern: new RegExp(`^PullImage ${quoted} returns image reference`),
    read: said('pull-succeeded', 'returned', 'containerd'),
  },
  {
    pattern: new RegExp(`^Pulled image ${quoted} with image id`),
    read: said('pull-succeeded', 'runtime', 'containerd'),
  },
  { pattern: /^cancel pulling image "?(?<image>[^\s"]+)"? because/, read: failed('watchdog', 'containerd') },
  { pattern: /^trying next host\b/, read: mirrorTried('containerd') },
  { pattern: /^RunPodSandbox for .{0,600}? failed/, read: sandboxFailed('runtime', 'containerd') },
  {
    pattern: /^ImageDelete event (?:name:"|&ImageDelete\{Name:)(?<image>[^",]{1,512})/,
    read: removed('runtime', 'containerd'),
  },
  { pattern: new RegExp(`^RemoveImage ${quoted} returns successfully`), read: removed('returned', 'containerd') },
  // CRI-O.
  { pattern: /^Pulling image: (?<image>\S{1,512})$/, read: said('pull-started', 'runtime', 'cri-o') },
  { pattern: /^Pulled image: (?<image>\S{1,512})$/, read: said('pull-succeeded', 'runtime', 'cri-o') },
  { pattern: /^Removing image: (?<image>\S{1,512})$/, read: removed('runtime', 'cri-o') },
  // dockerd.
  { pattern: /^Attempting next endpoint for pull after error: /, read: mirrorTried('other') },
  { pattern: /^Not continuing with pull after error: /, read: failed('runtime', 'other') },
];

/** Puts a line together. */
function made(
  { line, record, match }: Found,
  what: Pick<PullLine, 'event' | 'role' | 'source'> & Partial<PullLine>,
): PullLine {
  const { unit, timeUs, cursor } = line;
  const error = record.fields.get('err') ?? record.fields.get('error') ?? '';
  return {
    unit,
    timeUs,
    cursor,
    image: what.explanation?.image ?? record.fields.get('image') ?? match.groups?.image ?? null,
    ...podOf(record),
    explanation: null,
    host: null,
    call: record.fields.get('id') ?? null,
    ...what,
    source: sourceOfUnit(unit) ?? what.source,
    message: safeLine(what.message ?? (error === '' ? record.message : error), limits.messageChars),
  };
}

function said(event: PullEventKind, role: Role, source: PullSource): Form['read'] {
  return (found) => [
    made(found, { event, role, source, explanation: event === 'other' ? explainMessage(found.text) : null }),
  ];
}

function failed(role: Role, source: PullSource): Form['read'] {
  return (found) => [made(found, { event: 'pull-failed', role, source, explanation: explainMessage(found.text) })];
}

/** Images are deleted under all their names; only those that a person would ask for count. */
function removed(role: Role, source: PullSource): Form['read'] {
  return (found) => {
    const image = found.match.groups?.image ?? '';
    if (/^(?:sha256:)?[0-9a-f]{64}$|@sha256:/.test(image)) return [];
    return [made(found, { event: 'image-removed', role, source })];
  };
}

function mirrorTried(source: PullSource): Form['read'] {
  return (found) => {
    const explanation = explainMessage(found.text);
    const host = found.record.fields.get('host') ?? explanation?.registry ?? null;
    return [made(found, { event: 'mirror-tried', role: 'runtime', source, explanation, host })];
  };
}

/** `… start failed in pod …: REASON: error`, in the message itself or (since 1.31) in `err`. */
function containerFailed(found: Found): readonly PullLine[] {
  const { record, text } = found;
  const whole = record.message === 'Unhandled Error' ? (record.fields.get('err') ?? '') : record.message;
  const start = /start failed(?: in pod \S{1,400})?: /.exec(whole);
  if (start === null || !/^(?:init |ephemeral )?container /.test(whole)) return [];
  const message = whole.slice(start.index + start[0].length);
  const event = eventOf(/^\w+/.exec(message)?.[0] ?? '');
  if (event === null) return [];
  const explanation = explainMessage(text);
  return [made(found, { event, role: 'container', source: 'kubelet', explanation, message })];
}

const syncParts =
  /failed to \\?"(StartContainer|CreatePodSandbox)\\?" for \\?"([^"\\]{1,400})\\?" with (\w+): (?=\\?")/g;

/** Containers of one pod that are read of one line; the kubelet's own bound is on the whole pod's size. */
const maxParts = 64;

/** `failed to "StartContainer" for "app" with REASON: "…"`, once for each container that did not start. */
function syncFailed(found: Found): readonly PullLine[] {
  const { record } = found;
  const whole = record.fields.get('err') ?? record.message;
  const lines: PullLine[] = [];
  for (const part of whole.matchAll(syncParts)) {
    if (lines.length >= maxParts) break;
    const [head, step, name = '', reason = ''] = part;
    const start = part.index + head.length;
    const value = readQuoted(whole, start);
    const end = value?.end ?? whole.length;
    const event = step === 'CreatePodSandbox' ? 'sandbox-failed' : eventOf(reason);
    if (event === null) continue;
    const explanation = explainMessage(whole.slice(part.index, end));
    if (event === 'sandbox-failed' && explanation?.cause !== 'sandbox-image-unavailable') continue;
    const container = event === 'sandbox-failed' ? null : name;
    const message = `${reason}: ${value?.value ?? whole.slice(start)}`;
    lines.push(made(found, { event, role: 'sync', source: 'kubelet', explanation, message, container }));
  }
  return lines;
}

function eventOf(reason: string): PullEventKind | null {
  if (reason === 'ImagePullBackOff') return 'back-off';
  return imageReasons.test(reason) ? 'pull-failed' : null;
}

/** Only what fails because of the sandbox image; pod networks fail in the same lines. */
function sandboxFailed(role: Role, source: PullSource): Form['read'] {
  return (found) => {
    const explanation = explainMessage(found.text);
    if (explanation?.cause !== 'sandbox-image-unavailable') return [];
    const of = /PodSandboxMetadata\{Name:(?<pod>[^,}]{1,253}),.{0,200}?Namespace:(?<namespace>[^,}]{1,63})/.exec(
      found.record.message,
    )?.groups;
    const pod = of === undefined ? podOf(found.record) : { pod: of.pod ?? null, namespace: of.namespace ?? null };
    return [made(found, { event: 'sandbox-failed', role, source, explanation, ...pod, container: null })];
  };
}

/** Two lines of the kubelet's manager: the first as `image`, the second as `container`. */
function sandboxNamed(found: Found): readonly PullLine[] {
  const role = found.record.message.startsWith('Failed') ? 'image' : 'container';
  return sandboxFailed(role, 'kubelet')(found);
}

/** Events of pods, which the kubelet logs at `-v=3` (client-go, tools/record: StartStructuredLogging). */
function kubeletEvent(found: Found): readonly PullLine[] {
  const { fields } = found.record;
  const text = fields.get('message') ?? '';
  const kind = (
    [
      ['Pulling', /^Pulling image "(?<image>[^"]+)"/, 'pull-started'],
      ['Pulled', /^Successfully pulled image "(?<image>[^"]+)"/, 'pull-succeeded'],
      ['Failed', /^Failed to pull image "(?<image>[^"]+)"/, 'pull-failed'],
      ['BackOff', /^Back-off pulling image "(?<image>[^"]+)"/, 'back-off'],
    ] as const
  ).find(([reason, pattern]) => fields.get('reason') === reason && pattern.test(text));
  if (kind === undefined) return [];
  const [, pattern, event] = kind;
  const failing = event === 'pull-failed' || event === 'back-off';
  const [namespace = null, pod = null] = (fields.get('object') ?? '').split('/');
  return [
    made(found, {
      event,
      role: 'event',
      source: 'kubelet',
      image: pattern.exec(text)?.groups?.image ?? null,
      explanation: failing ? explainMessage(text) : null,
      message: text,
      namespace,
      pod,
      container: /\{([^}]{1,63})\}/.exec(fields.get('fieldPath') ?? '')?.[1] ?? null,
    }),
  ];
}
