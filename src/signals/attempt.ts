import type { CauseId } from '../model/cause-id.ts';
import { imageKey } from './image-match.ts';
import type { PullEvent } from './pull-event.ts';
import type { PullLine, Role } from './pull-line.ts';

/** How sure a cause is, for choosing between lines that name different ones. */
const sureness = { proven: 3, likely: 2, possible: 1 } as const;

/**
 * Which line's words are taken where causes are equally sure. The kubelet's last word knows all attempts with all
 * credentials; the runtime's own is the same error as it was at first.
 */
const saying: Readonly<Record<Role, number>> = {
  container: 6,
  sync: 5,
  image: 4,
  service: 3,
  runtime: 2,
  event: 1,
  watchdog: 0,
  returned: 0,
};

/** Which line names the image as the pod's spec does. */
const naming: Readonly<Record<Role, number>> = {
  service: 6,
  image: 5,
  event: 4,
  runtime: 3,
  returned: 2,
  watchdog: 2,
  sync: 1,
  container: 1,
};

/** Lines of one attempt, taken together as they come. It keeps the best of them, not all. */
export class Attempt {
  firstUs: number;
  lastUs: number;
  /** Place of the last line in the order of reading. */
  last: number;
  private cursor: string | null;
  private readonly counts = new Map<Role, number>();
  private readonly errors = new Set<string>();
  private readonly keys = new Set<string>();
  private pod: PullLine | null = null;
  private best: PullLine;
  private named: PullLine;
  private speaker: PullLine;

  constructor(line: PullLine, order: number) {
    this.firstUs = line.timeUs;
    this.lastUs = line.timeUs;
    this.last = order;
    this.cursor = line.cursor;
    this.best = line;
    this.named = line;
    this.speaker = line;
    this.add(line, order);
  }

  get event(): PullEvent['event'] {
    return this.best.event;
  }

  has(role: Role): boolean {
    return this.counts.has(role);
  }

  /** The pod's container that was not started; null where no line said it yet. */
  get place(): string | null {
    return this.pod === null ? null : placeOf(this.pod);
  }

  /** True when both are about one image. */
  shares(other: Attempt): boolean {
    return [...this.keys].some((key) => other.keys.has(key));
  }

  /**
   * How well a line fits, 0 for not at all. Lines of one failure have one error; the kubelet's lines about a pod do not
   * always name the image, and CRI-O's name what a short name was resolved to. Where no error is known, the image decides.
   */
  fit(line: PullLine): number {
    if (line.event !== this.event || this.counts.has(line.role)) return 0;
    const samePod = this.pod !== null && line.pod !== null;
    if (this.pod !== null && line.pod !== null && !agree(this.pod, line)) return 0;
    const error = errorOf(line);
    const sameError = error !== null && this.errors.has(error);
    // A container is tried again after 10 s at the earliest: its lines are of one attempt, however they are worded.
    const sameContainer = samePod && this.pod?.container != null && line.container !== null;
    if (error !== null && this.errors.size > 0 && !sameError && !sameContainer) return 0;
    const sameImage = line.image !== null && this.keys.has(imageKey(line.image));
    const eitherUnnamed = line.image === null || this.keys.size === 0;
    if (!sameImage && !sameError && !sameContainer && !(samePod && eitherUnnamed)) return 0;
    return 1 + (sameError ? 2 : 0) + (sameImage ? 4 : 0) + (samePod ? 8 : 0);
  }

  /** True when both are parts of one attempt that word its error differently: of one image, without a line in common. */
  complements(other: Attempt): boolean {
    if (this.event !== other.event || !this.shares(other)) return false;
    if ([...this.counts.keys()].some((role) => other.counts.has(role))) return false;
    return this.pod === null || other.pod === null || agree(this.pod, other.pod);
  }

  add(line: PullLine, order: number): void {
    this.counts.set(line.role, (this.counts.get(line.role) ?? 0) + 1);
    this.firstUs = Math.min(this.firstUs, line.timeUs);
    this.lastUs = Math.max(this.lastUs, line.timeUs);
    this.end(order, line.cursor);
    const error = errorOf(line);
    if (error !== null) this.errors.add(error);
    if (line.image !== null) this.keys.add(imageKey(line.image));
    this.learn(line);
  }

  /** Takes in what complements it. */
  merge(other: Attempt): void {
    for (const [role, count] of other.counts) this.counts.set(role, count);
    this.firstUs = Math.min(this.firstUs, other.firstUs);
    this.lastUs = Math.max(this.lastUs, other.lastUs);
    this.end(other.last, other.cursor);
    for (const error of other.errors) this.errors.add(error);
    for (const key of other.keys) this.keys.add(key);
    for (const line of [other.best, other.named, other.speaker, other.pod]) if (line !== null) this.learn(line);
  }

  private end(order: number, cursor: string | null): void {
    if (order < this.last) return;
    this.last = order;
    this.cursor = cursor;
  }

  private learn(line: PullLine): void {
    if (line.pod !== null && (this.pod === null || this.pod.container === null)) this.pod = line;
    if (worthOf(line) > worthOf(this.best)) this.best = line;
    if (line.image !== null && (this.named.image === null || naming[line.role] > naming[this.named.role])) {
      this.named = line;
    }
    if (this.speaker.source !== 'kubelet' && line.source === 'kubelet') this.speaker = line;
  }

  /** Takes in an earlier try of the same attempt, with other credentials. */
  absorb(earlier: Attempt): void {
    this.firstUs = Math.min(this.firstUs, earlier.firstUs);
    if (naming[earlier.named.role] > naming[this.named.role] && earlier.named.image !== null)
      this.named = earlier.named;
  }

  toEvent(): PullEvent {
    const { best, pod } = this;
    return {
      at: timeText(this.firstUs),
      cursor: this.cursor,
      unit: this.speaker.unit,
      source: this.speaker.source,
      event: this.event,
      image: this.named.image,
      pod: pod?.pod ?? null,
      namespace: pod?.namespace ?? null,
      container: pod?.container ?? null,
      ...causeOf(best),
      message: best.message,
    };
  }
}

/** The pod's container that a line is about. */
export function placeOf({ namespace, pod, container }: PullLine): string {
  return `${namespace}/${pod}/${container}`;
}

function agree(one: PullLine, other: PullLine): boolean {
  if (one.pod !== other.pod) return false;
  const same = (a: string | null, b: string | null) => a === null || b === null || a === b;
  return same(one.namespace, other.namespace) && same(one.container, other.container);
}

/** What lines about one failure have in common; how often it was quoted may have left its marks. */
function errorOf({ explanation }: PullLine): string | null {
  const error = (explanation?.innermost ?? '').replace(/["\\\s]+/g, '');
  return error === '' ? null : error;
}

function worthOf({ explanation, role }: PullLine): number {
  // That no bytes moved is true of every silence: where the error names the step that was silent, it knows more.
  if (role === 'watchdog') return 9;
  const known = explanation === null || explanation.cause === 'unknown' ? 0 : sureness[explanation.confidence];
  return known * 10 + saying[role];
}

const withoutCause = { cause: null, confidence: null, underlying: null };

function causeOf({ event, explanation }: PullLine): Pick<PullEvent, 'cause' | 'confidence' | 'underlying'> {
  if (event === 'pull-failed' || event === 'sandbox-failed' || event === 'back-off') {
    const cause: CauseId = explanation?.cause ?? (event === 'back-off' ? 'back-off-only' : 'unknown');
    return { cause, confidence: explanation?.confidence ?? null, underlying: explanation?.underlying ?? null };
  }
  if (explanation === null) return withoutCause;
  const { cause, confidence, underlying } = explanation;
  // That a mirror failed is said by the event already: the cause is the mirror's own.
  return event === 'mirror-tried' && cause === 'mirror-failed'
    ? { cause: underlying ?? 'unknown', confidence, underlying: null }
    : { cause, confidence, underlying };
}

/** RFC 3339 in UTC with microseconds. */
export function timeText(us: number): string {
  const ms = Math.floor(us / 1000);
  const micros = String(us - ms * 1000).padStart(3, '0');
  return new Date(ms).toISOString().replace('Z', `${micros}Z`);
}
