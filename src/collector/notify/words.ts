import type { FleetIncident } from '../../api/fleet.ts';
import type { Frozen } from '../../api/schema.ts';
import { causeOf } from '../../causes/index.ts';
import { safeLine } from '../../lib/redact.ts';
import { count, listed, moment } from '../../lib/words.ts';
import type { Notice } from './decide.ts';

type Incident = Frozen<FleetIncident>;

/** What a person reads of one incident; plain text, foreign names in it are one bounded line each. */
export interface Words {
  /** What, where, how far: `The whole cluster: no nameserver answers (dns-timeout) at registry.corp.example`. */
  readonly title: string;
  /** One sentence of what is wrong. */
  readonly summary: string;
  /** What the failing nodes have in common; null when nothing is known. */
  readonly attribution: string | null;
  /** How many nodes and pods, since when. */
  readonly counts: string;
  /** What to do, each with its command where there is one. */
  readonly remedies: readonly string[];
}

const lineChars = 600;
const mostRemedies = 3;

/** A line that JSON can carry to any reader: a cut may have left half of a character. */
function lineOf(text: string, most: number): string {
  return safeLine(text, most).toWellFormed();
}

/** The words for an incident. */
export function wordsOf(incident: Incident): Words {
  const { attribution, summary, remedies } = incident;
  const [first] = attribution;
  return {
    title: lineOf(`${whereOf(incident)}: ${causeWords(incident)}${subjectWords(incident)}`, 300),
    summary: lineOf(summary, lineChars),
    attribution: first === undefined ? null : lineOf(first.sentence, lineChars),
    counts: countsOf(incident),
    remedies: remedies.slice(0, mostRemedies).map(({ text, command }) => {
      const said = lineOf(text, lineChars);
      return command === null ? said : `${said} ${lineOf(command, lineChars)}`;
    }),
  };
}

/** What has happened, in a word or two before the title. */
export function changeWords({ change, incident }: Notice): string {
  const bad = incident.severity === 'fault' ? 'Fault' : 'Degraded';
  if (change === 'closed') return `Over after ${lasted(incident)}`;
  if (change === 'opened') return incident.reopened > 0 ? `${bad} again` : bad;
  return change === 'changed' ? `${bad}, more is known` : `${bad}, still`;
}

/** `The whole cluster`, `12 nodes`, `worker-3`. */
function whereOf({ scope, nodes }: Incident): string {
  if (scope === 'cluster') return 'The whole cluster';
  const [only] = nodes.names;
  return scope === 'node' && only !== undefined ? only : count(nodes.failing, 'node');
}

function causeWords({ cause }: Incident): string {
  return `${causeOf(cause).title} (${cause})`;
}

/** Where the subject is a part of the nodes its cause says it already. */
function subjectWords({ subject, cause }: Incident): string {
  return subject.kind === 'node' || subject.name === cause ? '' : ` at ${subject.name}`;
}

function countsOf({ nodes, pods, workloads, openedAt, state }: Incident): string {
  const { failing, healthy, unknown, names } = nodes;
  const named = names.length === 0 ? '' : ` (${lineOf(listed(names, 5), lineChars)})`;
  const parts = [
    `${count(failing, 'node')} ${state === 'open' ? (failing === 1 ? 'fails' : 'fail') : 'failed'}${named}`,
    `${healthy} healthy`,
    ...(unknown > 0 ? [`${unknown} unknown`] : []),
    ...(pods > 0 ? [`${count(pods, 'pod')} of ${count(workloads, 'workload')} ${pods === 1 ? 'waits' : 'wait'}`] : []),
    `since ${moment(openedAt)}`,
  ];
  return parts.join(', ');
}

/** `12 minutes`: how long it was there. */
function lasted({ openedAt, closedAt, updatedAt }: Incident): string {
  const seconds = Math.max(0, Math.round((Date.parse(closedAt ?? updatedAt) - Date.parse(openedAt)) / 1000));
  if (seconds < 120) return count(seconds, 'second');
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return count(minutes, 'minute');
  const hours = Math.round(minutes / 60);
  return hours < 48 ? count(hours, 'hour') : count(Math.round(hours / 24), 'day');
}
