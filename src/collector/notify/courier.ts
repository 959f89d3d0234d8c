import type { FleetIncident } from '../../api/fleet.ts';
import type { Frozen } from '../../api/schema.ts';
import type { Env } from '../../lib/env.ts';
import type { Log } from '../../lib/log.ts';
import type { Counter, Gauge } from '../../lib/metrics.ts';
import type { Result } from '../../lib/result.ts';
import { kubeDelay } from '../../wire/kube-back-off.ts';
import type { PostFailure } from '../../wire/post.ts';
import type { SentNotice, Store } from '../parts.ts';
import { type Alert, alertsDue, resendMs } from './alertmanager.ts';
import { decide, type Notice } from './decide.ts';
import { messagesOf, noticeId } from './messages.ts';
import { fingerprint, readSaid } from './said.ts';
import { slackBody } from './slack.ts';
import type { Target } from './target.ts';
import { webhookBody, webhookHeaders } from './webhook.ts';

type Incident = Frozen<FleetIncident>;

/** What telling needs beside a target. */
export interface CourierNeeds {
  readonly env: Env;
  readonly log: Log;
  readonly store: Pick<Store, 'sent' | 'recordSent' | 'incident'>;
  /** Where a person finds an incident; null: nowhere that is known. */
  readonly linkOf: (id: string) => string | null;
}

/** Serves one target. There is no queue: what is due follows from the incidents and from what was told, so nothing piles up while it is away. */
export interface Courier {
  readonly tick: (incidents: readonly Incident[], leading: () => boolean) => void;
  readonly lost: () => void;
  readonly idle: () => Promise<void>;
}

/** Alerts of one request: some 2 KiB each. */
const alertsInOne = 64;

/** Told as open, and no more among those that stand: looked up one by one, so many at a time. */
const mostStrays = 20;

/** A message that the receiver itself finds wrong is tried so often; then it is left out, for it would hold up all others. */
const mostRefusals = 3;
const ofTheMessage: ReadonlySet<number> = new Set([400, 413, 415, 422]);

/** Opens it for a target. */
export function openCourier(
  target: Target,
  { env, log, store, linkOf }: CourierNeeds,
  counts: { readonly sent: Counter; readonly failed: Counter; readonly waiting: Gauge },
  signal: AbortSignal,
): Courier {
  const { name, type, rules, windowMs } = target;
  let told: Map<string, SentNotice> | null = null;
  /** Told, and not yet known to the store: kept until it is. */
  const unrecorded = new Map<string, SentNotice>();
  const refusals = new Map<string, number>();
  let heldSince: number | null = null;
  let postedAllAt: number | null = null;
  let failures = 0;
  let nextAt = 0;
  let running: Promise<void> | null = null;
  let forget = false;

  const run = async (incidents: readonly Incident[], leading: () => boolean): Promise<void> => {
    if (!(await load()) || !(await recordRest())) return;
    const all = [...incidents, ...(await strays(incidents))];
    await (type === 'alertmanager' ? postAlerts(all, leading) : tellAll(all, leading));
  };

  const load = async (): Promise<boolean> => {
    if (told !== null) return true;
    const sent = await store.sent(name);
    if (!sent.ok) return storeFailed(sent.error.message);
    told = new Map(sent.value.map((notice) => [notice.incident, notice]));
    for (const [id, notice] of unrecorded) {
      // Another leader may have told more meanwhile.
      if ((told.get(id)?.at ?? 0) > notice.at) unrecorded.delete(id);
      else told.set(id, notice);
    }
    return true;
  };

  const recordRest = async (): Promise<boolean> => {
    for (const [id, notice] of unrecorded) {
      const recorded = await store.recordSent(notice);
      if (!recorded.ok) return storeFailed(recorded.error.message);
      if (unrecorded.get(id) === notice) unrecorded.delete(id);
    }
    return true;
  };

  /** The leader says itself when the store fails; here it is only waited for. */
  const storeFailed = (message: string): boolean => {
    log.debug('notify: the store failed', { target: name, message });
    nextAt = env.monotonic() + kubeDelay(1, env.random(), null);
    return false;
  };

  /** Incidents that were told as open and have left the list meanwhile: their end has to be told all the same. */
  const strays = async (incidents: readonly Incident[]): Promise<readonly Incident[]> => {
    const here = new Set(incidents.map(({ id }) => id));
    const found: Incident[] = [];
    let asked = 0;
    for (const [id, notice] of told ?? []) {
      if (here.has(id)) continue;
      const said = readSaid(notice.fingerprint);
      if (said?.state !== 'open') {
        told?.delete(id);
        continue;
      }
      if (++asked > mostStrays) break;
      const known = await store.incident(id);
      if (!known.ok) break;
      if (known.value !== null) found.push(known.value);
      else {
        // Nobody knows it any more: there is nothing to tell, and nothing to ask for again.
        remember({ incident: id, fingerprint: fingerprint({ ...said, state: 'closed' }) });
      }
    }
    return found;
  };

  const remember = (notice: Pick<SentNotice, 'incident' | 'fingerprint'>): void => {
    const sent = { target: name, at: env.now(), ...notice };
    told?.set(notice.incident, sent);
    unrecorded.set(notice.incident, sent);
  };

  const done = async (notices: readonly Notice[]): Promise<void> => {
    for (const notice of notices) {
      remember({ incident: notice.incident.id, fingerprint: notice.fingerprint });
      counts.sent.add([name, notice.change]);
      refusals.delete(noticeId(name, notice));
    }
    await recordRest();
  };

  const postAlerts = async (incidents: readonly Incident[], leading: () => boolean): Promise<void> => {
    const now = env.monotonic();
    const again = postedAllAt === null || now - postedAllAt >= resendMs;
    const { alerts, notices } = alertsDue(incidents, told ?? new Map(), env.now(), rules, again, linkOf);
    counts.waiting.set(notices.length, [name]);
    for (let at = 0; at < alerts.length; at += alertsInOne) {
      const part: readonly Alert[] = alerts.slice(at, at + alertsInOne);
      if (!leading()) return;
      const sent = await target.send(JSON.stringify(part), () => ({}), signal);
      // Alertmanager takes the right ones of a list and refuses the rest: what is refused again and again is left there.
      if (!arrived(sent, notices) && !isRefused(notices)) return;
    }
    if (again) postedAllAt = now;
    await done(notices);
    counts.waiting.set(0, [name]);
  };

  const tellAll = async (incidents: readonly Incident[], leading: () => boolean): Promise<void> => {
    const due = decide(incidents, told ?? new Map(), env.now(), rules);
    counts.waiting.set(due.length, [name]);
    if (due.length === 0) {
      heldSince = null;
      return;
    }
    heldSince ??= env.monotonic();
    if (env.monotonic() - heldSince < windowMs) return;
    for (const message of messagesOf(name, due)) {
      if (!leading()) return;
      const { notices } = message;
      const refusedBefore = notices.some((notice) => (refusals.get(noticeId(name, notice)) ?? 0) > 0);
      const body =
        type === 'slack'
          ? slackBody(message, linkOf, { blocks: !refusedBefore })
          : webhookBody(name, message, env.now());
      const headersOf =
        type === 'slack'
          ? () => ({})
          : (key: Parameters<typeof webhookHeaders>[2]) => webhookHeaders(message.id, body, key, env.now());
      const sent = await target.send(body, headersOf, signal);
      if (!arrived(sent, notices) && !isRefused(notices)) return;
      await done(notices);
    }
    heldSince = null;
    counts.waiting.set(0, [name]);
  };

  /** Takes note of how it went; true: it arrived. */
  const arrived = (sent: Result<unknown, PostFailure>, notices: readonly Notice[]): boolean => {
    if (sent.ok) {
      if (failures > 0) log.info('notify: messages arrive again', { target: name, tries: failures });
      failures = 0;
      return true;
    }
    const { reason, status, message, retryAfterMs } = sent.error;
    if (reason === 'aborted') return false;
    failures++;
    counts.failed.add([name, reason]);
    nextAt = env.monotonic() + kubeDelay(failures, env.random(), retryAfterMs);
    if (reason === 'rejected' && status !== null && ofTheMessage.has(status)) {
      for (const notice of notices) {
        const id = noticeId(name, notice);
        refusals.set(id, (refusals.get(id) ?? 0) + 1);
      }
    }
    const fields = { target: name, type, reason, message };
    if (isRefused(notices))
      log.error('notify: a message is refused and left out', { ...fields, incidents: notices.length });
    else if (failures === 1) log.warn('notify: a message did not arrive and is tried again', fields);
    else log.debug('notify: a message did not arrive', { ...fields, tries: failures });
    return false;
  };

  const isRefused = (notices: readonly Notice[]): boolean =>
    notices.length > 0 && notices.every((notice) => (refusals.get(noticeId(name, notice)) ?? 0) >= mostRefusals);

  const reset = (): void => {
    [told, heldSince, postedAllAt, forget] = [null, null, null, false];
    refusals.clear();
    counts.waiting.set(0, [name]);
  };

  return {
    tick(incidents, leading) {
      if (running !== null || env.monotonic() < nextAt || !leading()) return;
      running = run(incidents, leading).finally(() => {
        running = null;
        if (forget) reset();
      });
    },
    lost() {
      // What is under way ends as it began, and is remembered.
      if (running === null) reset();
      else forget = true;
    },
    async idle() {
      while (running !== null) await running;
    },
  };
}
