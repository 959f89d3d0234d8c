/** What a pull asks a token for: `repository:library/nginx:pull`. `repository` is the normalized one, without host. */
export function pullScope(repository: string): string {
  return `repository:${repository}:pull`;
}

/**
 * The scopes of a token request: the pull's own and those of the challenge, sorted, each once
 * (containerd core/remotes/docker/scope.go, GetTokenScopes).
 */
export function tokenScopes(repository: string | null, challengeScope: string | null): readonly string[] {
  const own = repository === null ? [] : [pullScope(repository)];
  const asked = (challengeScope ?? '').split(' ').filter((scope) => scope !== '');
  // By code unit, as Go's sort.Strings orders ASCII.
  return [...new Set([...own, ...asked])].sort((a, b) => (a < b ? -1 : 1));
}

/** One resource and what may be done with it, as a scope or a token's `access` claim names it. */
export interface ScopeParts {
  /** `repository`, `registry`; `repository(plugin)` keeps its class. */
  readonly type: string;
  /** May hold colons: everything between the first and the last. */
  readonly name: string;
  readonly actions: readonly string[];
}

/** The parts of `type:name:action,action`; null for anything else. */
export function parseScope(scope: string): ScopeParts | null {
  const first = scope.indexOf(':');
  const last = scope.lastIndexOf(':');
  if (first <= 0 || last <= first + 1) return null;
  return {
    type: scope.slice(0, first),
    name: scope.slice(first + 1, last),
    actions: scope
      .slice(last + 1)
      .split(',')
      .filter((action) => action !== ''),
  };
}
