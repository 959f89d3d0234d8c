import { limits } from '../lib/limits.ts';
import { Attempt, placeOf } from './attempt.ts';
import { imageKey, registryHost } from './image-match.ts';
import type { PullEvent } from './pull-event.ts';
import type { PullLine } from './pull-line.ts';

const second = 1_000_000;

/** Lines of one attempt come within milliseconds of each other; kubelet and runtime reach journald by different ways. */
export const quietUs = 2 * second;

/** No attempt's lines are further apart than this: the kubelet waits 10 s at least before it tries an image again. */
const spanUs = 5 * second;

/**
 * A kubelet that tries several credentials writes one line for each and names the pod only at the end; each try may
 * take as long as the runtime's timeouts.
 */
const credentialsUs = 120 * second;

/**
 * Makes events of lines: the four or five lines of one attempt are one event. It knows no clock: time is what the lines
 * and `advance` say. Memory is bounded: where too much is open, the oldest is given out early.
 */
export class PullGrouper {
  private open: Attempt[] = [];
  /** Tries of a kubelet that may go on with other credentials. */
  private trying: Attempt[] = [];
  /** Containers whose failure was given out before the kubelet's line about the whole pod came. */
  private readonly unsynced = new Map<string, number>();
  /** Images that containerd is pulling, by key; the host that it asks last. */
  private readonly pulling = new Map<string, { readonly image: string; readonly host: string | null }>();
  /** Images by CRI-O's ids of calls. */
  private readonly calls = new Map<string, string>();
  private nowUs = 0;
  private order = 0;

  /** True while something waits to be given out. */
  get waiting(): boolean {
    return this.open.length > 0 || this.trying.length > 0;
  }

  /** Takes a line, and gives the events that are complete now. */
  push(line: PullLine): readonly PullEvent[] {
    const done = [...this.advance(line.timeUs)];
    const order = ++this.order;
    const read = this.inContext(line);
    if (read === null) return done;
    const group = this.groupFor(read);
    if (group !== null) group.add(read, order);
    else if (!this.isLateSync(read)) this.open.push(new Attempt(read, order));
    while (this.open.length > limits.openPulls) done.push(...inOrder(this.close(this.open.splice(0, 1))));
    return done;
  }

  /** Says what time it is, microseconds since 1970, and gives the events that are complete by then. */
  advance(nowUs: number): readonly PullEvent[] {
    // A clock that was set back: nothing that is open can be waited for by it.
    const jumped = nowUs < this.nowUs - credentialsUs;
    const done = jumped ? [...this.flush()] : [];
    this.nowUs = jumped ? nowUs : Math.max(this.nowUs, nowUs);
    const isOver = (one: Attempt) => this.nowUs - one.lastUs > quietUs || this.nowUs - one.firstUs > spanUs;
    if (this.open.some(isOver)) {
      const over = this.open.filter(isOver);
      this.open = this.open.filter((one) => !over.includes(one));
      done.push(...inOrder(this.close(over)));
    }
    const tired = this.trying.filter((one) => this.nowUs - one.lastUs > credentialsUs);
    if (tired.length > 0) {
      this.trying = this.trying.filter((one) => !tired.includes(one));
      done.push(...inOrder(tired));
    }
    return done;
  }

  /** Gives out all that is left: no more lines come. */
  flush(): readonly PullEvent[] {
    const done = this.close(this.open.splice(0));
    return inOrder([...done, ...this.trying.splice(0)]);
  }

  private groupFor(line: PullLine): Attempt | null {
    // What stands for itself: each is one event.
    if (line.event === 'mirror-tried' || line.event === 'other') return null;
    let best: Attempt | null = null;
    let most = 0;
    for (const group of this.open) {
      if (Math.abs(line.timeUs - group.firstUs) > spanUs) continue;
      const fit = group.fit(line);
      if (fit > most) {
        best = group;
        most = fit;
      }
    }
    return best;
  }

  /** Of attempts that are over, those that are events. */
  private close(groups: readonly Attempt[]): readonly Attempt[] {
    const done: Attempt[] = [];
    const absorbed = this.complete(groups);
    // Those that name a pod first: they take in what was tried before them.
    for (const group of [...groups].sort((a, b) => Number(isTry(a)) - Number(isTry(b)))) {
      if (absorbed.has(group)) continue;
      if (isTry(group)) {
        this.trying.push(group);
        if (this.trying.length > limits.openPulls) done.push(...this.trying.splice(0, 1));
        continue;
      }
      const tellsEnd = group.has('container') || group.has('sync');
      if (group.event === 'pull-failed' && tellsEnd && !group.has('image')) {
        const earlier = (one: Attempt) => isTry(one) && one.shares(group) && one.firstUs <= group.lastUs;
        for (const one of [...this.trying, ...this.open, ...groups].filter(earlier)) {
          group.absorb(one);
          absorbed.add(one);
        }
        this.trying = this.trying.filter((one) => !absorbed.has(one));
        this.open = this.open.filter((one) => !absorbed.has(one));
      }
      const { place } = group;
      if (group.event === 'pull-failed' && group.has('container') && !group.has('sync') && place !== null) {
        this.unsynced.set(place, (this.unsynced.get(place) ?? 0) + 1);
        bound(this.unsynced);
      }
      done.push(group);
    }
    return done;
  }

  /** Puts parts of one attempt together; what went into another is returned. */
  private complete(groups: readonly Attempt[]): Set<Attempt> {
    const gone = new Set<Attempt>();
    for (const group of groups) {
      const near = (one: Attempt) => Math.abs(one.firstUs - group.firstUs) <= spanUs;
      const other = [...groups, ...this.open].find(
        (one) => one !== group && !gone.has(one) && near(one) && one.complements(group),
      );
      if (gone.has(group) || other === undefined) continue;
      other.merge(group);
      gone.add(group);
    }
    return gone;
  }

  /**
   * The kubelet speaks of the whole pod when all its containers were tried, which may be long after the first failed:
   * what was given out already is not said again.
   */
  private isLateSync(line: PullLine): boolean {
    if (line.event !== 'pull-failed' || line.role !== 'sync') return false;
    const place = placeOf(line);
    const count = this.unsynced.get(place);
    if (count === undefined) return false;
    if (count > 1) this.unsynced.set(place, count - 1);
    else this.unsynced.delete(place);
    return true;
  }

  /** A line with what earlier ones tell about it; null where these say that it is no event. */
  private inContext(line: PullLine): PullLine | null {
    const { event, image, call, source } = line;
    if (event === 'pull-started' && image !== null) {
      if (source === 'containerd') this.pulling.set(imageKey(image), { image, host: registryHost(image) });
      if (call !== null) this.calls.set(call, image);
      bound(this.pulling);
      bound(this.calls);
    } else if (event === 'pull-succeeded' && call !== null) {
      // CRI-O says what it pulled by its digest.
      const asked = this.calls.get(call);
      this.calls.delete(call);
      if (asked !== undefined) return { ...line, image: asked };
    } else if (event === 'mirror-tried' && source === 'containerd') {
      return this.mirror(line);
    }
    if ((event === 'pull-failed' && line.role === 'runtime') || line.role === 'returned') {
      if (image !== null) this.pulling.delete(imageKey(image));
    }
    return line;
  }

  /**
   * containerd says `trying next host` of every endpoint that fails, the registry itself included. A request to a mirror
   * names the registry in `?ns=`; where no request is shown, the pulls that are under way tell the two apart.
   */
  private mirror(line: PullLine): PullLine | null {
    if (line.explanation?.details.mirrorOf !== undefined) return line;
    const pulls = [...this.pulling.values()];
    const unclear = line.host === null || pulls.length === 0 || pulls.some(({ host }) => host === line.host);
    if (unclear || /https?:\/\//.test(line.message)) return null;
    return { ...line, image: pulls.length === 1 ? (pulls[0]?.image ?? null) : null };
  }
}

/** Only what the kubelet's client of the runtime said: it may go on with other credentials. */
function isTry(one: Attempt): boolean {
  const ended = one.has('image') || one.has('container') || one.has('sync') || one.has('event');
  return one.event === 'pull-failed' && one.has('service') && !ended;
}

function inOrder(groups: readonly Attempt[]): readonly PullEvent[] {
  return [...groups].sort((a, b) => a.last - b.last).map((group) => group.toEvent());
}

/** Forgets the oldest of what nobody ended. */
function bound(map: Map<string, unknown>): void {
  if (map.size <= limits.openPulls) return;
  const oldest = map.keys().next();
  if (!oldest.done) map.delete(oldest.value);
}
