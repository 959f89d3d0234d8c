import type { ChallengeFacts } from '../model/facts.ts';
import type { DoneProbe } from '../model/investigation.ts';
import { requestsOf } from './requests.ts';
import { probesOf, type View } from './view.ts';

type Answered = DoneProbe<'registry'> | DoneProbe<'auth'> | DoneProbe<'manifest'> | DoneProbe<'blob'>;

/** True for an HTML page in the place of the registry's own answer: a portal's, a gateway's, the wrong server's. */
export function isForeignPage(view: View, probe: Answered): boolean {
  if (probe.facts.bodyFormat !== 'html') return false;
  return !(demandsLogin(view, probe) || isNotHere(view, probe));
}

/**
 * A login is demanded as the protocol does it, whatever stands in the body: nginx with `auth_basic` before a registry or a
 * token service puts its own page there, and clients go by the challenge alone (RFC 9110, section 11.6.1).
 */
function demandsLogin(view: View, probe: Answered): boolean {
  if (probe.facts.status !== 401) return false;
  if (probe.kind === 'blob') return false;
  if (probe.facts.challenges?.some(isAnswerable) === true) return true;
  const ping = probe.kind === 'manifest' ? pingBefore(view, probe) : null;
  return ping?.facts.status === 401 && ping.facts.challenges.some(isAnswerable);
}

/** A challenge that runtimes answer. */
function isAnswerable({ scheme }: ChallengeFacts): boolean {
  return scheme === 'basic' || scheme === 'bearer';
}

/**
 * A registry that has said what it is may have its 404 put into other words by what stands before it, as ingresses with
 * error pages of their own do: that is still the answer "not here". It says so by the header of the version check, or by
 * what it answers to the list of tags.
 */
function isNotHere(view: View, probe: Answered): boolean {
  if (probe.kind !== 'manifest' || probe.facts.status !== 404) return false;
  if (pingBefore(view, probe)?.facts.apiVersion?.startsWith('registry/2') === true) return true;
  return probesOf(view, 'names').some(
    ({ endpoint, facts, status }) =>
      endpoint === probe.endpoint &&
      facts.way === probe.facts.way &&
      facts.of === 'tags' &&
      (status === 'ok' || facts.errors.some(({ code }) => code?.toUpperCase() === 'NAME_UNKNOWN')),
  );
}

/** The version check on the same way. */
function pingBefore(view: View, { endpoint, facts }: DoneProbe<'manifest'>): DoneProbe<'registry'> | null {
  const { ping } = requestsOf(view, endpoint ?? 0);
  return ping?.facts.way === facts.way ? ping : null;
}
