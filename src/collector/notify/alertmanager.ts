import type { FleetIncident } from '../../api/fleet.ts';
import type { Frozen } from '../../api/schema.ts';
import { closedAt, isWanted, lasts, type Notice, type TargetRules, type Told } from './decide.ts';
import { fingerprint, readSaid, type Said, saidOf } from './said.ts';
import { wordsOf } from './words.ts';

type Incident = Frozen<FleetIncident>;

/** One alert as Alertmanager's API v2 takes it (its api/v2/openapi.yaml, `postableAlert`). */
export interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly generatorURL?: string;
}

/** What to post. */
export interface AlertsDue {
  readonly alerts: readonly Alert[];
  /** What is remembered once it is posted. */
  readonly notices: readonly Notice[];
}

/**
 * How long an alert stands without being posted again: if all collectors end, it ends by itself. Alertmanager's own
 * `resolve_timeout` is as long, and counts only for alerts without an end.
 */
const standsMs = 300_000;

/** So often everything that stands is posted again, well before it would end; an Alertmanager that was restarted has it back then. */
export const resendMs = 60_000;

/** Closed ones are posted as resolved for so long, as Prometheus does (rules/alerting.go, resolvedRetention): also one that missed the first has it then. */
const resolvedMs = 900_000;

/**
 * Pure: alerts that have to be posted. `all`: everything that stands, again; else only what has changed since it was
 * last told. Alertmanager groups, repeats and silences by itself, so it is told states and not messages.
 */
export function alertsDue(
  incidents: readonly Incident[],
  told: Told,
  now: number,
  rules: TargetRules,
  all: boolean,
  linkOf: (id: string) => string | null,
): AlertsDue {
  const alerts: Alert[] = [];
  const notices: Notice[] = [];
  for (const incident of incidents) {
    const before = told.get(incident.id);
    const last = before === undefined ? null : readSaid(before.fingerprint);
    const said = saidOf(incident);
    const stands = incident.state === 'open' && isWanted(incident, rules) && lasts(incident, now, rules);
    const was = last?.state === 'open';
    if (!stands && last === null) continue;
    const state: Said = stands ? said : { ...said, state: 'closed' };
    const changed = last === null || fingerprint(last) !== fingerprint(state);
    // Scope and severity are labels, for routes go by them; with another scope it is another alert, and the old one ends.
    if (was && stands && variant(last) !== variant(said)) alerts.push(alertOf(incident, last, now, now, linkOf));
    if (stands && (changed || all)) alerts.push(alertOf(incident, said, now, now + standsMs, linkOf));
    if (!stands && last !== null) {
      const ended = incident.state === 'closed' ? closedAt(incident) : now;
      const fresh = was || (all && now - ended < resolvedMs && incident.state === 'closed');
      if (fresh) alerts.push(alertOf(incident, last, now, Math.min(now, ended), linkOf));
    }
    if (changed && (stands || was)) {
      const change = stands ? (was ? 'changed' : 'opened') : 'closed';
      notices.push({ change, incident, fingerprint: fingerprint(state), after: before?.at ?? 0 });
    }
  }
  return { alerts, notices };
}

/** What of an alert's labels may change while an incident lasts. */
function variant({ scope, severity }: Said): string {
  return `${scope} ${severity}`;
}

function alertOf(
  incident: Incident,
  { scope, severity }: Said,
  now: number,
  ends: number,
  linkOf: (id: string) => string | null,
): Alert {
  const { id, cause, layer, subject, fault, openedAt } = incident;
  const words = wordsOf(incident);
  // A node's clock may have been ahead; an alert that begins after its end is refused.
  const starts = Math.min(Date.parse(openedAt), now, ends);
  const link = linkOf(id);
  return {
    labels: {
      alertname: 'PullwhyIncident',
      incident: id,
      cause,
      layer,
      subject_kind: subject.kind,
      subject: subject.name,
      scope,
      severity: severityOf(scope, severity, fault),
      impact: severity,
      fixed_by: fault,
    },
    annotations: {
      summary: words.title,
      description: [words.summary, words.attribution, `${words.counts}.`].filter((line) => line !== null).join('\n'),
      ...(words.attribution === null ? {} : { attribution: words.attribution }),
      runbook:
        words.remedies.length === 0
          ? `pullwhy fleet incidents at the collector has incident ${id} with its investigations.`
          : words.remedies.join('\n'),
    },
    startsAt: new Date(starts).toISOString(),
    endsAt: new Date(ends).toISOString(),
    ...(link === null ? {} : { generatorURL: link }),
  };
}

/** The usual words of alert routes. What only its own team can mend is never critical. */
function severityOf(
  scope: Incident['scope'],
  severity: Incident['severity'],
  fault: Incident['fault'],
): 'critical' | 'warning' | 'info' {
  if (severity === 'degraded') return scope === 'node' ? 'info' : 'warning';
  return scope === 'node' || fault === 'workload' ? 'warning' : 'critical';
}
