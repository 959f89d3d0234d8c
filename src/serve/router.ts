import type { Route } from './route.ts';

/** What there is at a path. */
export type Found =
  | { readonly kind: 'route'; readonly route: Route; readonly params: Readonly<Record<string, string>> }
  | { readonly kind: 'other-method'; readonly allow: readonly string[] };

/** Finds the route of a request; null when there is nothing at the path. HEAD is a GET whose body Node leaves out. */
export function routerOf(routes: readonly Route[]): (method: string, path: string) => Found | null {
  const patterns = routes.map((route) => ({ route, parts: route.path.split('/') }));
  return (method, path) => {
    const parts = path.split('/');
    const here = patterns.flatMap(({ route, parts: wanted }) => {
      const params = match(wanted, parts);
      return params === null ? [] : [{ kind: 'route' as const, route, params }];
    });
    if (here.length === 0) return null;
    const asked = method === 'HEAD' ? 'GET' : method;
    const found = here.find(({ route }) => route.method === asked);
    if (found !== undefined) return found;
    const allow = new Set(here.flatMap(({ route }) => (route.method === 'GET' ? ['GET', 'HEAD'] : [route.method])));
    return { kind: 'other-method', allow: [...allow] };
  };
}

function match(wanted: readonly string[], given: readonly string[]): Record<string, string> | null {
  if (wanted.length !== given.length) return null;
  const params: Record<string, string> = {};
  for (const [at, part] of wanted.entries()) {
    const value = given[at] ?? '';
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    if (name === undefined) {
      if (part !== value) return null;
      continue;
    }
    const decoded = decode(value);
    if (decoded === null || decoded === '') return null;
    params[name] = decoded;
  }
  return params;
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
