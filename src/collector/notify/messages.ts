import { createHash } from 'node:crypto';
import type { Notice } from './decide.ts';
import { scopes } from './settings.ts';

/** Things that are told in one message. */
export interface Message {
  /** The same for the same message, tried again or sent by another collector: receivers tell duplicates by it. */
  readonly id: string;
  /** What matters most first. */
  readonly notices: readonly Notice[];
}

/** So many unrelated messages at once are one storm, told in one. */
const mostSeparate = 3;

/** Incidents of one message; the rest goes into further ones. */
const mostInOne = 25;

/** Pure: one message for incidents that are related, and one for all where too much happens at once. */
export function messagesOf(target: string, notices: readonly Notice[]): readonly Message[] {
  const groups = related(notices);
  const sets = groups.length > mostSeparate ? [notices] : groups;
  return sets.flatMap((set) => {
    const sorted = [...set].sort(byWeight);
    const parts = Array.from({ length: Math.ceil(sorted.length / mostInOne) }, (_, at) =>
      sorted.slice(at * mostInOne, (at + 1) * mostInOne),
    );
    return parts.map((part) => ({ id: idOf(target, part), notices: part }));
  });
}

function related(notices: readonly Notice[]): readonly (readonly Notice[])[] {
  const byId = new Map(notices.map((notice) => [notice.incident.id, notice]));
  const left = new Set(byId.keys());
  const groups: Notice[][] = [];
  for (const first of byId.keys()) {
    if (!left.delete(first)) continue;
    const ids = [first];
    // The list grows while it is gone through: relations lead on.
    for (const id of ids) {
      for (const other of left) {
        const linked =
          byId.get(id)?.incident.related.includes(other) === true ||
          byId.get(other)?.incident.related.includes(id) === true;
        if (linked && left.delete(other)) ids.push(other);
      }
    }
    groups.push(ids.flatMap((id) => byId.get(id) ?? []));
  }
  return groups;
}

function byWeight({ incident: a, change: aChange }: Notice, { incident: b, change: bChange }: Notice): number {
  return (
    Number(aChange === 'closed') - Number(bChange === 'closed') ||
    Number(b.severity === 'fault') - Number(a.severity === 'fault') ||
    scopes.indexOf(b.scope) - scopes.indexOf(a.scope) ||
    b.nodes.failing - a.nodes.failing ||
    b.pods - a.pods ||
    (a.id < b.id ? -1 : 1)
  );
}

function idOf(target: string, notices: readonly Notice[]): string {
  return digest([target, ...notices.map((notice) => noticeId(target, notice)).sort()]);
}

/** Of one thing told, whatever it is told together with. Reminders differ by what they come after. */
export function noticeId(target: string, { incident, fingerprint, change, after }: Notice): string {
  return digest([target, incident.id, change, fingerprint, after]);
}

function digest(parts: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}
