import type { Problem } from '../model/problem.ts';

/** Where Go looks a host name up, in order. `files` is /etc/hosts. */
export type LookupOrder = 'files-dns' | 'dns-files' | 'files' | 'dns';

/** What nsswitch.conf means to a Go program. */
export interface HostLookupOrder {
  readonly order: LookupOrder;
  readonly problems: readonly Problem[];
}

interface Source {
  readonly name: string;
  readonly criteria: readonly Criterion[];
  readonly line: number;
}

interface Criterion {
  readonly negated: boolean;
  readonly status: string;
  readonly action: string;
}

/**
 * The order of the `hosts` line by the rules of Go 1.26's own resolver (net/nss.go; net/conf.go, `lookupOrder`):
 * sources that it does not know (mdns, resolve, myhostname) count as `dns` when no `dns` is listed and as nothing
 * otherwise, actions in brackets are not followed, and a file that cannot be parsed or has no `hosts` means files, then dns.
 * A program built with cgo hands names to the C library where Go's rules and the library's would differ; the problems
 * say so.
 */
export function parseNsswitch(text: string, source: string): HostLookupOrder {
  const parsed = parseSources(text);
  if (typeof parsed !== 'object' || !('sources' in parsed)) {
    return {
      order: 'files-dns',
      problems: [
        warning(
          `${source}:${parsed.line}`,
          `${parsed.why}; Go ignores the file and looks into /etc/hosts, then asks DNS.`,
        ),
      ],
    };
  }
  const { sources } = parsed;
  const problems: Problem[] = [];
  for (const item of sources) {
    if ((item.name !== 'files' && item.name !== 'dns') || item.criteria.every(isStandard)) continue;
    problems.push(
      warning(
        `${source}:${item.line}`,
        `The action behind "${item.name}" in the hosts line is not followed by Go's own resolver; a runtime built with cgo leaves names to the C library because of it.`,
      ),
    );
  }
  const order = orderOf(sources.map((item) => item.name));
  if (order === 'files') {
    problems.push(
      warning(
        `${source}:${sources[0]?.line ?? 1}`,
        'The hosts line lists no dns: names that are not in /etc/hosts are not found.',
      ),
    );
  }
  return { order, problems };
}

function orderOf(names: readonly string[]): LookupOrder {
  const listsDns = names.includes('dns');
  let files = false;
  let dns = false;
  let first: 'files' | 'dns' | null = null;
  for (const name of names) {
    if (name === 'files') {
      files = true;
      first ??= 'files';
    } else if (name === 'dns' || !listsDns) {
      dns = true;
      first ??= 'dns';
    }
  }
  if (files && dns) return first === 'files' ? 'files-dns' : 'dns-files';
  if (files) return 'files';
  return dns ? 'dns' : 'files-dns';
}

function parseSources(text: string): { sources: Source[] } | { line: number; why: string } {
  const sources: Source[] = [];
  for (const [index, whole] of text.split('\n').entries()) {
    const line = index + 1;
    const content = trim(whole.split('#', 1)[0] ?? '');
    if (content === '') continue;
    const colon = content.indexOf(':');
    if (colon < 0) return { line, why: 'The line has no colon' };
    const database = trim(content.slice(0, colon));
    let rest = trim(content.slice(colon + 1));
    while (rest !== '') {
      // Go cuts at spaces only: a tab between two sources makes one unknown source of them.
      const space = rest.indexOf(' ');
      const name = space < 0 ? rest : rest.slice(0, space);
      rest = space < 0 ? '' : trim(rest.slice(space + 1));
      let criteria: Criterion[] = [];
      if (rest.startsWith('[')) {
        const close = rest.indexOf(']');
        if (close < 0) return { line, why: 'The line has an opening bracket and no closing one' };
        const read = parseCriteria(rest.slice(1, close));
        if (read === null) return { line, why: 'The line has an action in brackets that cannot be read' };
        criteria = read;
        rest = trim(rest.slice(close + 1));
      }
      if (database === 'hosts') sources.push({ name, criteria, line });
    }
  }
  return { sources };
}

function parseCriteria(text: string): Criterion[] | null {
  const criteria: Criterion[] = [];
  for (const field of text.split(' ').map(trim)) {
    if (field === '') continue;
    const negated = field.startsWith('!');
    const body = (negated ? field.slice(1) : field).toLowerCase();
    const equals = body.indexOf('=');
    if (body.length < 3 || equals < 0) return null;
    criteria.push({ negated, status: body.slice(0, equals), action: body.slice(equals + 1) });
  }
  return criteria;
}

/** Go's `standardStatusAction`: the action says nothing but the default, or ends the list with `return`. */
function isStandard(criterion: Criterion, index: number, all: readonly Criterion[]): boolean {
  if (criterion.negated) return false;
  const usual = criterion.status === 'success' ? 'return' : 'continue';
  if (!['success', 'notfound', 'unavail', 'tryagain'].includes(criterion.status)) return false;
  if (index === all.length - 1 && criterion.action === 'return') return true;
  return criterion.action === usual;
}

function warning(source: string, message: string): Problem {
  return { severity: 'warning', cause: 'runtime-misconfigured', source, message };
}

function trim(text: string): string {
  return text.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '');
}
