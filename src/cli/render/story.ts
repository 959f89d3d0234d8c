import type { View } from '../../evidence/view.ts';
import { isEndpointHop, ownWaysOf } from '../../evidence/ways.ts';
import type { Investigation, JudgedEndpoint, ProbeResult } from '../../model/investigation.ts';
import { groups, type Row, steps } from './row.ts';
import { connection, contents, insteads, manifests, pings, tokens } from './way-rows.ts';
import { listed } from './words.ts';

/** The lines at one network party: the endpoint itself (no title), its token service, or where the content lies. */
export interface Party {
  readonly title: string | null;
  readonly rows: readonly Row[];
}

/** What happened at one endpoint, in the order of a pull. */
export interface EndpointStory {
  readonly endpoint: JudgedEndpoint;
  readonly parties: readonly Party[];
}

/** The document as the view that its evidence is read by. */
export function viewOf(document: Investigation): View {
  return {
    plan: document,
    runtime: { name: document.runtime.name, asked: document.runtime.endpoint !== null },
    startedAtMs: Date.parse(document.startedAt),
    pullAsked: document.pull.attempted,
    probes: document.probes,
  };
}

/** Every endpoint's story. Pure. */
export function storiesOf(document: Investigation): EndpointStory[] {
  const view = viewOf(document);
  return document.endpoints.map((endpoint, index) => {
    const parties = partiesOf(view, index).filter(({ rows }) => rows.length > 0);
    const judged = parties.map(({ title, rows }) => ({
      title,
      rows: markBroken(rows, document, index).map((row) => soften(row, endpoint)),
    }));
    return { endpoint, parties: withOpenEnd(judged, document, index) };
  });
}

/** A failure at an endpoint that serves the image is not what breaks the pull. */
function soften(row: Row, { verdict }: JudgedEndpoint): Row {
  return row.state === 'failed' && verdict === 'healthy' ? { ...row, state: 'partly' } : row;
}

function partiesOf(view: View, endpoint: number): Party[] {
  const platform = view.plan.platform.normalized;
  const ways = ownWaysOf(view, endpoint).filter(
    (way, at, all) => all.findIndex(({ id, hop }) => id === way.id && hop === way.hop) === at,
  );
  const own = ways.filter(({ hop }) => isEndpointHop(hop));
  const ownIds = new Set(own.map(({ id }) => id));
  const shown = new Set<string>();
  const first = own.flatMap((way) => [...connection(view, way, shown), ...pings(view, way), ...insteads(view, way)]);

  const parties: Party[] = [{ title: null, rows: first }];
  for (const way of ways.filter(({ hop }) => hop === 'realm')) {
    const title = ownIds.has(way.id) ? null : `token service ${way.host}`;
    parties.push({ title, rows: [...connection(view, way, shown), ...insteads(view, way), ...tokens(view, way)] });
  }
  const requests = own.flatMap((way) => [...manifests(view, way, platform), ...contents(view, way)]);
  const away = parties.some(({ title, rows }) => title !== null && rows.length > 0);
  parties.push({ title: away ? `then at ${own[0]?.host ?? 'the registry'}` : null, rows: requests });
  for (const way of ways.filter(({ hop, id }) => hop === 'blob' && !ownIds.has(id))) {
    const rows = [...connection(view, way, shown), ...insteads(view, way)];
    parties.push({
      title: `content host ${way.host}`,
      rows: [...rows, ...manifests(view, way, platform), ...contents(view, way)],
    });
  }
  return joined(parties);
}

/** Lines without a title of their own belong to the party before. */
function joined(parties: readonly Party[]): Party[] {
  const out: Party[] = [];
  for (const party of parties) {
    const before = out.at(-1);
    if (party.title === null && before !== undefined) {
      out[out.length - 1] = { title: before.title, rows: [...before.rows, ...party.rows] };
    } else out.push(party);
  }
  return out;
}

/** Some faults lie in what a good answer says (a platform that is missing): then the last piece of evidence is the broken hop. */
export function markBroken(rows: readonly Row[], document: Investigation, endpoint: number | null): Row[] {
  const faults = document.findings.filter((one) => one.severity === 'fault' && one.endpoint === endpoint);
  const failed = new Set(document.probes.filter(({ status }) => status === 'failed').map(({ id }) => id));
  const shown = faults
    .filter(({ evidence }) => !evidence.some((id) => failed.has(id)))
    .flatMap(({ evidence }) => [...evidence].slice(-1));
  return rows.map((one) => {
    const broken = one.state === 'ok' && one.probes.some(({ id }) => shown.includes(id));
    return broken ? { ...one, state: 'failed', words: `failed: ${one.words}` } : one;
  });
}

/** What was not checked, and the steps behind a failure, as last lines. */
function withOpenEnd(parties: readonly Party[], document: Investigation, index: number): Party[] {
  const rows = parties.flatMap((party) => [...party.rows]);
  const open = notChecked(document, index);
  const seen = new Set([...rows.map(({ step }) => step), ...open.map(({ step }) => step)]);
  const last = Math.max(-1, ...steps.flatMap((step, at) => (seen.has(step) ? [at] : [])));
  const broken = rows.some(({ state }) => state === 'failed') || open.length > 0;
  const { url, proxy } = document.endpoints[index] ?? { url: '', proxy: null };
  const rest = steps.filter((step, at) => {
    if (at <= last || (step === 'proxy' && proxy === null) || (step === 'tls' && url.startsWith('http:'))) return false;
    // Whether a login is wanted is known once the registry has answered.
    return step !== 'auth' || last < steps.indexOf('registry') || challenged(rows);
  });
  const [firstStep] = rest;
  const end: Row[] =
    broken && firstStep !== undefined
      ? [{ step: firstStep, state: 'not-reached', words: `${listed(rest, 8)}: not reached`, probes: [] }]
      : [];
  if (open.length + end.length === 0) return [...parties];
  const before = parties.at(-1);
  return [...parties.slice(0, -1), { title: before?.title ?? null, rows: [...(before?.rows ?? []), ...open, ...end] }];
}

function challenged(rows: readonly Row[]): boolean {
  return rows.some(({ probes }) =>
    probes.some((probe) => probe.kind === 'registry' && probe.status !== 'skipped' && probe.facts.status === 401),
  );
}

/** Measurements of this endpoint that were not made, by step and reason. */
function notChecked(document: Investigation, endpoint: number): Row[] {
  const skipped = document.probes.filter(
    (probe) => probe.status === 'skipped' && probe.endpoint === endpoint && !tellsNothing(probe),
  );
  return groups(skipped, ({ kind, error }) => `${kind} ${error?.message}`).map((group) => {
    const [first] = group;
    const step = first === undefined ? 'registry' : stepOf(first.kind);
    // Both families at every nameserver are one lookup to a person.
    const targets = listed([
      ...new Set(group.map(({ kind, target }) => (kind === 'dns' ? target.replace(/ .*/u, '') : target))),
    ]);
    return {
      step,
      state: 'not-checked',
      words: `not checked: ${targets}. ${first?.error?.message ?? ''}`,
      probes: group,
    };
  });
}

/** The name stands in the hosts file: then no nameserver is asked, and nothing is missing. */
function tellsNothing(probe: ProbeResult): boolean {
  return probe.kind === 'dns' && probe.error?.message.includes('names this host') === true;
}

function stepOf(kind: ProbeResult['kind']): (typeof steps)[number] {
  if (kind === 'blob') return 'content';
  return steps.find((step) => step === kind) ?? 'manifest';
}
