import { createHash } from 'node:crypto';
import type { FleetIncident } from '../../api/fleet.ts';
import type { Frozen } from '../../api/schema.ts';

/** What a target was last told of an incident, as far as it decides what is told next. */
export interface Said {
  readonly state: FleetIncident['state'];
  readonly scope: FleetIncident['scope'];
  readonly severity: FleetIncident['severity'];
  /** Of the attribute that sets the failing nodes apart; null: none was known. */
  readonly attribution: string | null;
  readonly reopened: number;
}

/** The same of an incident as it stands. */
export function saidOf(incident: Frozen<FleetIncident>): Said {
  const { state, scope, severity, attribution, reopened } = incident;
  const [first] = attribution;
  const mark = first === undefined ? null : digest(`${first.attribute}=${first.value}`);
  return { state, scope, severity, attribution: mark, reopened };
}

/** As the store keeps it: one word for each part. */
export function fingerprint({ state, scope, severity, attribution, reopened }: Said): string {
  return [state, scope, severity, attribution ?? '-', reopened].join(' ');
}

/** Reads it back; null for what an older or newer version wrote: then it counts as never told. */
export function readSaid(text: string): Said | null {
  const found = /^(open|closed) (node|group|cluster) (fault|degraded) (-|[0-9a-f]{10}) (\d{1,9})$/.exec(text);
  if (found === null) return null;
  const [, state, scope, severity, mark, reopened] = found;
  return {
    state: state === 'open' ? 'open' : 'closed',
    scope: scope === 'cluster' ? 'cluster' : scope === 'group' ? 'group' : 'node',
    severity: severity === 'fault' ? 'fault' : 'degraded',
    attribution: mark === undefined || mark === '-' ? null : mark,
    reopened: Number(reopened),
  };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 10);
}
