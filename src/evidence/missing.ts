import type { DoneProbe } from '../model/investigation.ts';
import type { Refusal } from './refusal.ts';
import { probesOf, type View } from './view.ts';

/** The lists of names that were fetched after a 404. */
export function namesAt(view: View, endpoint: number, of: 'tags' | 'repositories'): DoneProbe<'names'> | null {
  return probesOf(view, 'names').find((probe) => probe.endpoint === endpoint && probe.facts.of === of) ?? null;
}

/** What a 404 means: which part of the name the registry does not know. */
export function missingPart(refusal: Refusal, view: View): 'repository' | 'tag' | 'unsure' | null {
  if (refusal.status !== 404) return null;
  if (refusal.codes.includes('NAME_UNKNOWN')) return 'repository';
  const tags = namesAt(view, refusal.endpoint, 'tags');
  // A list without any name is what some registries answer for a repository that they do not have, too.
  if (tags?.status === 'ok' && tags.facts.count > 0) return tags.facts.present ? null : 'tag';
  if (tags?.facts.status === 404 && tags.facts.errors.some(({ code }) => code?.toUpperCase() === 'NAME_UNKNOWN'))
    return 'repository';
  return refusal.codes.includes('MANIFEST_UNKNOWN') ? 'unsure' : null;
}

/**
 * The token that nobody gets says that it allows nothing, and the registry answers as if the repository were not there: so
 * some do to whomever may not see it.
 */
export function deniesExistence(refusal: Refusal, view: View): boolean {
  return (
    !refusal.withCredentials &&
    !refusal.unsent &&
    refusal.at === 'manifest' &&
    refusal.claimsPull === false &&
    missingPart(refusal, view) === 'repository'
  );
}
