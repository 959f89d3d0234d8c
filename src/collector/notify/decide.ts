import type { FleetIncident } from '../../api/fleet.ts';
import type { Frozen } from '../../api/schema.ts';
import type { SentNotice } from '../parts.ts';
import { fingerprint, readSaid, type Said, saidOf } from './said.ts';
import { scopes } from './settings.ts';

/** What one target wants to be told, times in milliseconds. */
export interface TargetRules {
  readonly minScope: FleetIncident['scope'];
  readonly severities: readonly FleetIncident['severity'][];
  /** Empty: all. */
  readonly causes: readonly string[];
  readonly faults: readonly FleetIncident['fault'][];
  readonly delayMs: number;
  readonly degradedDelayMs: number;
  /** 0: never again. */
  readonly repeatMs: number;
}

/** One thing to tell of one incident. */
export interface Notice {
  readonly change: 'opened' | 'changed' | 'closed' | 'reminder';
  readonly incident: Frozen<FleetIncident>;
  /** What is remembered once it is told. */
  readonly fingerprint: string;
  /** When the target was last told of the incident; 0: never. */
  readonly after: number;
}

/** What was last told of each incident, by its id. */
export type Told = ReadonlyMap<string, SentNotice>;

/** Between two messages about how an open incident changes: a storm grows through all scopes within seconds. */
const betweenChangesMs = 60_000;

/** An incident that comes and goes is told as over only when it stays away, the longer the more often it came back. */
const heldForEachReturnMs = 300_000;
const mostHeldMs = 900_000;

/** Pure: what has to be told now to a target that reads messages. What it was told before decides, and nothing else. */
export function decide(
  incidents: readonly Frozen<FleetIncident>[],
  told: Told,
  now: number,
  rules: TargetRules,
): readonly Notice[] {
  return incidents.flatMap((incident) => {
    const before = told.get(incident.id);
    const last = before === undefined ? null : readSaid(before.fingerprint);
    const after = before?.at ?? 0;
    const change = changeOf(incident, last, after, now, rules);
    return change === null ? [] : [{ change, incident, fingerprint: fingerprint(saidOf(incident)), after }];
  });
}

function changeOf(
  incident: Frozen<FleetIncident>,
  last: Said | null,
  toldAt: number,
  now: number,
  rules: TargetRules,
): Notice['change'] | null {
  if (incident.state === 'closed') {
    if (last === null || last.state === 'closed') return null;
    const held = Math.min(mostHeldMs, incident.reopened * heldForEachReturnMs);
    return now >= closedAt(incident) + held ? 'closed' : null;
  }
  if (!isWanted(incident, rules)) return null;
  if (last === null) return lasts(incident, now, rules) ? 'opened' : null;
  if (last.state === 'closed') return now >= toldAt + delayOf(incident, rules) ? 'opened' : null;
  if (isMore(saidOf(incident), last) && now >= toldAt + betweenChangesMs) return 'changed';
  return rules.repeatMs > 0 && now >= toldAt + rules.repeatMs ? 'reminder' : null;
}

/** True when an incident is of the kind that a target asked for. */
export function isWanted({ scope, severity, cause, fault }: Frozen<FleetIncident>, rules: TargetRules): boolean {
  return (
    scopes.indexOf(scope) >= scopes.indexOf(rules.minScope) &&
    rules.severities.includes(severity) &&
    rules.faults.includes(fault) &&
    (rules.causes.length === 0 || rules.causes.includes(cause))
  );
}

/** True when it has lasted, or did last, for as long as it takes to be told. */
export function lasts(incident: Frozen<FleetIncident>, now: number, rules: TargetRules): boolean {
  const until = incident.state === 'closed' ? closedAt(incident) : now;
  return until - Date.parse(incident.openedAt) >= delayOf(incident, rules);
}

function delayOf({ severity }: Frozen<FleetIncident>, { delayMs, degradedDelayMs }: TargetRules): number {
  return severity === 'fault' ? delayMs : degradedDelayMs;
}

/** When it was closed; of one that does not say so, when it last changed. */
export function closedAt({ closedAt: at, updatedAt }: Frozen<FleetIncident>): number {
  return Date.parse(at ?? updatedAt);
}

/** What is worth another message: it grew, it got worse, or what the failing nodes have in common was found. */
function isMore(now: Said, last: Said): boolean {
  return (
    scopes.indexOf(now.scope) > scopes.indexOf(last.scope) ||
    (now.severity === 'fault' && last.severity === 'degraded') ||
    (now.attribution !== null && now.attribution !== last.attribution)
  );
}
