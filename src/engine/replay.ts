import type { View } from '../evidence/view.ts';
import { isRecord, type JsonRecord, parseJson, stringMember } from '../lib/json.ts';
import { jsonErrorPlace } from '../lib/json-place.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { Place } from '../lib/shape.ts';
import { causeIds } from '../model/cause-id.ts';
import { probeKinds } from '../model/facts-shape.ts';
import type { Investigation } from '../model/investigation.ts';
import { investigationShape, type SavedInvestigation } from '../model/investigation-shape.ts';
import type { EndpointInfo } from '../model/plan.ts';
import { documentOf } from './document.ts';

/** A saved investigation, concluded again. */
export interface Replayed {
  readonly document: Investigation;
  /** What a person should know of it, a sentence each: what this version does not understand, what it sees otherwise. */
  readonly notes: readonly string[];
}

/**
 * Concludes a saved investigation (`diagnose -o json`) again, from its text alone. The text may be anybody's: whatever it
 * is, this gives a document or one clause that says what is wrong with it and where.
 */
export function replay(text: string): Result<Replayed, string> {
  const parsed = parseJson(text);
  if (parsed === undefined) {
    const place = jsonErrorPlace(text);
    return fail(place === null ? 'is not JSON.' : `is not JSON from ${place} on.`);
  }
  if (!isRecord(parsed)) return fail('is no JSON object: one document of "pullwhy diagnose -o json" is wanted.');
  const version = stringMember(parsed, 'apiVersion');
  const kind = stringMember(parsed, 'kind');
  if (version === null || kind === null) {
    return fail('has no "apiVersion" and "kind": it is no document of "pullwhy diagnose -o json".');
  }
  if (!version.startsWith('pullwhy/')) return fail('is no document of Pullwhy, by its "apiVersion".');
  if (version !== 'pullwhy/v1') return fail('has an "apiVersion" that this version of Pullwhy does not know.');
  if (kind !== 'Investigation') {
    return fail('is no saved investigation, by its "kind": only "pullwhy diagnose -o json" makes one.');
  }

  const known = withoutUnknown(parsed);
  const place = new Place();
  if (!investigationShape(known.value, place)) return fail(`is damaged, or of another version: ${place.failure}.`);
  const saved = known.value;
  const { id, node, startedAt, durationMs, runtime } = saved;
  const document = documentOf(viewOf(saved), { id, node, startedAt, durationMs }, runtime);
  return ok({ document, notes: [...known.notes, ...differences(parsed, document)] });
}

/** The document less what a later version may have added to its vocabularies, and what that was. */
function withoutUnknown(document: JsonRecord): { value: unknown; notes: string[] } {
  const { probes, problems } = document;
  const kinds = new Set<unknown>(probeKinds);
  const causes = new Set<unknown>(causeIds);
  const strange = new Set<string>();
  const known = (of: unknown, name: string, words: ReadonlySet<unknown>): unknown =>
    Array.isArray(of)
      ? of.filter((one: unknown) => {
          const word = isRecord(one) ? stringMember(one, name) : null;
          if (word === null || words.has(word)) return true;
          strange.add(`${name} ${JSON.stringify(word.slice(0, 60))}`);
          return false;
        })
      : of;
  const value = {
    ...document,
    probes: known(probes, 'kind', kinds),
    problems: known(problems, 'cause', causes),
  };
  const names = [...strange].slice(0, 5).join(', ');
  const notes =
    strange.size === 0
      ? []
      : [
          `It has what this version of Pullwhy does not know, and concludes without: ${names}. A later one reads it all.`,
        ];
  return { value, notes };
}

/** What the version that saved it concluded, where this one concludes something else. */
function differences(saved: JsonRecord, { verdict, cause }: Investigation): string[] {
  const was = { verdict: stringMember(saved, 'verdict'), cause: stringMember(saved, 'cause') };
  if (was.verdict === null || (was.verdict === verdict && was.cause === cause)) return [];
  const words = (of: { verdict: string; cause: string | null }): string =>
    `${of.verdict.slice(0, 60)}${of.cause === null ? '' : ` (${of.cause.slice(0, 60)})`}`;
  const strange = was.cause !== null && !new Set<string>(causeIds).has(was.cause);
  const later = strange ? ', a cause that this version does not know' : '';
  return [
    `It was saved as ${words({ ...was, verdict: was.verdict })}${later}; this version says ${words({ verdict, cause })}.`,
  ];
}

/**
 * What was known when a saved investigation was concluded, from its document alone: concluding that again gives the same
 * findings, or those that a later version knows better.
 */
export function viewOf(investigation: SavedInvestigation): View {
  const { endpoints, runtime, probes, startedAt, pull, ...rest } = investigation;
  const startedAtMs = Date.parse(startedAt);
  return {
    plan: {
      image: rest.image,
      platform: rest.platform,
      shortName: rest.shortName,
      pullPolicy: rest.pullPolicy,
      kubelet: rest.kubelet,
      // The verdict of each is concluded again.
      endpoints: endpoints.map(
        ({ verdict: _, ...endpoint }: EndpointInfo & { readonly verdict?: unknown }) => endpoint,
      ),
      hosts: rest.hosts,
      nameservers: rest.nameservers,
      searchDomains: rest.searchDomains,
      resolver: rest.resolver,
      trustStore: rest.trustStore,
      credentials: rest.credentials,
      credentialHosts: rest.credentialHosts,
      ...(rest.pod === undefined ? {} : { pod: rest.pod }),
      knownProxies: rest.knownProxies,
      ...(rest.sandboxImage === undefined ? {} : { sandboxImage: rest.sandboxImage }),
      ...(rest.imageRoot === undefined ? {} : { imageRoot: rest.imageRoot }),
      problems: rest.problems,
    },
    // A socket that was given or found is named, whatever it answers.
    runtime: { name: runtime.name, version: runtime.version, asked: runtime.endpoint !== null },
    startedAtMs: Number.isNaN(startedAtMs) ? null : startedAtMs,
    pullAsked: pull.attempted || probes.some(({ kind }) => kind === 'pull'),
    probes,
  };
}
