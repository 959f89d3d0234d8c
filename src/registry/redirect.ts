import { redactUrl } from '../lib/redact.ts';
import { fail, ok, type Result } from '../lib/result.ts';

/** A redirect that leads nowhere. */
export interface RedirectProblem {
  readonly code: 'redirect-loop' | 'http-malformed';
  readonly message: string;
}

/** The statuses that Go's client, so containerd and CRI-O, follow. 300 and 304 are answers of their own. */
const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** True when the answer sends the client elsewhere. */
export function isRedirect(status: number): boolean {
  return redirectStatuses.has(status);
}

/** Where `location` leads from `from`: absolute, or relative to it (RFC 9110, section 10.2.2). */
export function resolveRedirect(from: URL, location: string | null): Result<URL, RedirectProblem> {
  const problem = (message: string) => fail<RedirectProblem>({ code: 'http-malformed', message });
  if (location === null || location.trim() === '') {
    return problem(`${redactUrl(from)} answers with a redirect that has no Location`);
  }
  const to = URL.parse(location.trim(), from.href);
  if (to === null) return problem(`${redactUrl(from)} redirects to something that is not a URL`);
  if (to.protocol !== 'https:' && to.protocol !== 'http:') {
    return problem(`${redactUrl(from)} redirects to the scheme ${to.protocol.slice(0, 40)} which no runtime follows`);
  }
  // Userinfo would become credentials of the new host; the runtimes send it, a diagnosis does not need it.
  to.username = '';
  to.password = '';
  to.hash = '';
  return ok(to);
}
